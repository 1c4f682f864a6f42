"""Frames of JSON: what is too large, not UTF-8, not JSON or too deep is refused in the same words everywhere."""

from typing import Any

from pydantic_core import from_json

from devices.codec import MAX_PAYLOAD_BYTES, Refusal


def read_json(payload: bytes, device: str) -> Any | Refusal:
    """Parse a frame of a device; anything but JSON comes back as a refusal."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        detail = f"{len(payload)} bytes; at most {MAX_PAYLOAD_BYTES} are read, send smaller arrays"
        return Refusal("size", detail, payload[:MAX_PAYLOAD_BYTES], device)
    try:
        return from_json(payload, allow_inf_nan=False)
    except ValueError as error:
        return _unreadable(payload, device, str(error))


def _unreadable(payload: bytes, device: str, error: str) -> Refusal:
    try:
        payload.decode()
    except UnicodeDecodeError as problem:
        return Refusal("utf8", f"byte {problem.start} is not UTF-8; send UTF-8 JSON", payload, device)
    if "recursion" in error:
        return Refusal("depth", "nested too deeply; a reading is a flat object", payload, device)
    return Refusal("json", f"not JSON: {error}", payload, device)
