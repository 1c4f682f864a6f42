"""The syntax of nats-server's configuration, as far as it is needed: nested blocks of keys and plain values.

Source: NATS documentation, "NATS Server Configuration". Lists are stepped over, variables stand as they are written,
and `include` is not followed.
"""

import re
from pathlib import Path

from ops.doctor.errors import UnreadableConfiguration

Block = dict[str, "str | Block"]
_TOKEN = re.compile(
    r"""\s+|(?:\#|//)[^\n]*|(?P<mark>[{}\[\]:=,;])|"(?P<double>[^"\n]*)"|'(?P<single>[^'\n]*)'|(?P<plain>[^\s{}\[\]:=,;"'#]+)"""
)


def read_nats(text: str, *, file: Path) -> Block:
    """Read a configuration into nested dictionaries; keys in small letters.

    Raises:
        UnreadableConfiguration: the braces do not match.
    """
    root: Block = {}
    blocks = [root]
    key: str | None = None
    lists = 0
    for token in _TOKEN.finditer(text):
        mark = token["mark"]
        word = next((token[kind] for kind in ("double", "single", "plain") if token[kind] is not None), None)
        if mark in {"[", "]"}:
            lists += 1 if mark == "[" else -1
            if mark == "[" and lists == 1 and key is not None:
                blocks[-1][key] = "[…]"
                key = None
        elif lists:
            continue
        elif mark == "{":
            inner: Block = {}
            blocks[-1][key or ""] = inner
            blocks.append(inner)
            key = None
        elif mark == "}":
            blocks.pop()
            if not blocks:
                line = text[: token.start()].count("\n") + 1
                raise UnreadableConfiguration(f"{file}:{line}: a brace is closed that was never opened")
        elif word is not None and key is None:
            key = word.lower()
        elif word is not None and key is not None:
            blocks[-1][key] = word
            key = None
    if len(blocks) > 1:
        raise UnreadableConfiguration(f"{file}: {len(blocks) - 1} block(s) are not closed; a brace is missing")
    return root
