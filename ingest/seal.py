"""Sealing: what is withheld is encrypted with a key that the database never sees.

A synthetic initialisation vector (as in RFC 5297) of standard primitives: the nonce is a keyed BLAKE2b of all that is
sealed, the key stream SHAKE-256 of key and nonce. So the same reading gives the same nonce, by which a repetition is
known, whoever seals it; and whatever was changed is noticed when it is opened.
"""

import hmac
from hashlib import blake2b, shake_256

from ingest.errors import SealBroken

NONCE_BYTES = 16


class Seal:
    """Seals and opens.

    Args:
        secret: of the site, from which the keys are derived; without one nothing can be sealed or opened.
    """

    def __init__(self, secret: str | None) -> None:
        self._ready = bool(secret)
        master = (secret or "").encode()
        self._name_key, self._stream_key = (
            blake2b(part, key=blake2b(master).digest(), digest_size=32).digest()
            for part in (b"gengfu withheld name", b"gengfu withheld stream")
        )

    def seal(self, label: bytes, content: bytes) -> tuple[bytes, bytes]:
        """Encrypt.

        Args:
            label: stays readable beside it, and cannot be changed unnoticed.
            content: what nobody may read.

        Returns:
            The nonce and the sealed content.

        Raises:
            SealBroken: there is no secret.
        """
        self._demand()
        nonce = self._nonce(label, content)
        return nonce, self._stream(nonce, content)

    def open(self, label: bytes, nonce: bytes, sealed: bytes) -> bytes:
        """What was sealed.

        Raises:
            SealBroken: it was changed, or sealed with another secret.
        """
        self._demand()
        content = self._stream(nonce, sealed)
        if not hmac.compare_digest(nonce, self._nonce(label, content)):
            raise SealBroken(
                "a sealed reading cannot be opened: broker.secret is another than when it was sealed, or somebody "
                "changed it"
            )
        return content

    def _demand(self) -> None:
        if not self._ready:
            raise SealBroken("readings from outside duty can be sealed and opened with broker.secret only; give it")

    def _nonce(self, label: bytes, content: bytes) -> bytes:
        size = len(label).to_bytes(4, "big")
        return blake2b(size + label + content, key=self._name_key, digest_size=NONCE_BYTES).digest()

    def _stream(self, nonce: bytes, content: bytes) -> bytes:
        size = len(content)
        pad = shake_256(self._stream_key + nonce).digest(size)
        return (int.from_bytes(content, "big") ^ int.from_bytes(pad, "big")).to_bytes(size, "big")
