"""Sealing: what goes in comes out with the same secret, and with no other; what was changed is noticed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import SealBroken
from ingest.seal import NONCE_BYTES, Seal

SEAL = Seal("a secret")


@given(label=st.binary(max_size=40), content=st.binary(max_size=300))
def test_what_is_sealed_can_be_opened(label: bytes, content: bytes) -> None:
    nonce, sealed = SEAL.seal(label, content)
    assert (len(nonce), len(sealed)) == (NONCE_BYTES, len(content))
    assert Seal("a secret").open(label, nonce, sealed) == content
    assert SEAL.seal(label, content) == (nonce, sealed), "the same again, so that a repetition is known"


@given(
    content=st.binary(min_size=1, max_size=60),
    where=st.integers(min_value=0),
    bit=st.integers(0, 7),
    part=st.sampled_from(["label", "nonce", "sealed"]),
)
def test_what_was_changed_is_noticed(content: bytes, where: int, bit: int, part: str) -> None:
    label = b"device and time"
    nonce, sealed = SEAL.seal(label, content)
    parts = {"label": label, "nonce": nonce, "sealed": sealed}
    changed = bytearray(parts[part])
    changed[where % len(changed)] ^= 1 << bit
    parts[part] = bytes(changed)
    with pytest.raises(SealBroken):
        SEAL.open(**parts)


def test_another_secret_opens_nothing() -> None:
    nonce, sealed = SEAL.seal(b"label", b"content")
    with pytest.raises(SealBroken, match="another than when it was sealed"):
        Seal("another").open(b"label", nonce, sealed)


@pytest.mark.parametrize("secret", [None, ""])
def test_without_a_secret_nothing_is_sealed(secret: str | None) -> None:
    with pytest.raises(SealBroken, match=r"broker\.secret"):
        Seal(secret).seal(b"", b"content")


def test_one_reading_tells_nothing_of_the_next() -> None:
    texts = [number.to_bytes(40, "big") for number in range(200)]
    streams = {bytes(a ^ b for a, b in zip(SEAL.seal(b"", text)[1], text, strict=True)) for text in texts}
    assert len(streams) == len(texts), "two contents under one key stream would give away their difference"
