"""gengfu's own JSON, version 1: one reading or an array of readings in UTF-8, at most 256 KiB."""

import json
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails, from_json

from devices.codec import MAX_PAYLOAD_BYTES, Codec, Decoded, Refusal, Stamped, TopicPattern
from devices.readings import INT4_MAX, READING, TYPES

# No reading is shorter than 45 bytes, so what holds more elements than this is no array of readings; without a limit an
# array of a hundred thousand noughts would become as many refusals.
MAX_READINGS = 6000
_ROOT = "gengfu/v1/{device}"


class NativeCodec:
    """The format that gengfu's own handset page, simulator and replay speak."""

    name = "native"
    title = "gengfu JSON, version 1"
    topics: tuple[TopicPattern, ...] = (
        TopicPattern(f"{_ROOT}/up", "publish", "up"),
        TopicPattern(f"{_ROOT}/urgent", "publish", "urgent"),
        TopicPattern(f"{_ROOT}/down", "subscribe", "down"),
        TopicPattern(f"{_ROOT}/state", "publish", "state"),
    )

    def decode(self, topic: str, payload: bytes) -> Decoded:
        """One JSON object or an array of them; one bad element refuses only itself."""
        device = next((name for pattern in self.topics if (name := pattern.device_of(topic))), None)
        if device is None:
            detail = f"topic {topic!r} is not gengfu/v1/<device>/up or …/urgent"
            return Decoded(refusals=[Refusal("topic", detail, payload)])
        if len(payload) > MAX_PAYLOAD_BYTES:
            detail = f"{len(payload)} bytes; at most {MAX_PAYLOAD_BYTES} are read, send smaller arrays"
            return Decoded(refusals=[Refusal("size", detail, payload[:MAX_PAYLOAD_BYTES], device)])
        try:
            content = from_json(payload, allow_inf_nan=False)
        except ValueError as error:
            return Decoded(refusals=[_unreadable(payload, device, str(error))])
        if not isinstance(content, list):
            return _decoded([_element(content, payload, device)])
        if not content:
            return Decoded(refusals=[Refusal("schema", "an empty array; send at least one reading", payload, device)])
        if len(content) > MAX_READINGS:
            detail = (
                f"an array of {len(content)}; at most {MAX_READINGS} readings are taken at once, send smaller arrays"
            )
            return Decoded(refusals=[Refusal("size", detail, payload, device)])
        return _decoded([_element(item, None, device, index) for index, item in enumerate(content)])


def _decoded(results: list[Stamped | Refusal]) -> Decoded:
    return Decoded(
        [result for result in results if isinstance(result, Stamped)],
        [result for result in results if isinstance(result, Refusal)],
    )


def _unreadable(payload: bytes, device: str, error: str) -> Refusal:
    try:
        payload.decode()
    except UnicodeDecodeError as problem:
        return Refusal("utf8", f"byte {problem.start} is not UTF-8; send UTF-8 JSON", payload, device)
    if "recursion" in error:
        return Refusal("depth", "nested too deeply; a reading is a flat object", payload, device)
    return Refusal("json", f"not JSON: {error}", payload, device)


def _element(item: Any, whole: bytes | None, device: str, index: int | None = None) -> Stamped | Refusal:
    try:
        return Stamped(device, READING.validate_python(item))
    except ValidationError as error:
        where = "" if index is None else f"element {index}: "
        detail = where + "; ".join(_said(problem) for problem in error.errors(include_url=False)[:5])
    fragment = whole if whole is not None else json.dumps(item, ensure_ascii=False).encode()
    boot, seq = (_counter(item, key) for key in ("boot", "seq"))
    return Refusal("schema", detail, fragment, device, boot, seq)


def _said(problem: ErrorDetails) -> str:
    kind = problem["type"]
    if kind == "union_tag_not_found":
        return f"type is missing; it is one of {', '.join(TYPES)}"
    if kind == "union_tag_invalid":
        return f"type is {problem['ctx']['tag']!r}, but must be one of {', '.join(TYPES)}"
    if kind in {"model_attributes_type", "model_type", "dict_type"}:
        return "is not an object; a reading is {…}"
    field = ".".join(str(part) for part in problem["loc"][1:])
    message = problem["msg"].removeprefix("Value error, ")
    return f"{field}: {message[:1].lower()}{message[1:]}" if field else message


def _counter(item: Any, key: str) -> int | None:
    value = item.get(key) if isinstance(item, dict) else None
    return value if type(value) is int and 0 <= value <= INT4_MAX else None


codec: Codec = NativeCodec()
