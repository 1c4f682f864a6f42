"""What brokers store instead of a secret: one verifier for each back-end, made while the secret is known.

All of them are cheap on purpose. Stretching protects passwords that people choose; these secrets have 256 random
bits, which nobody guesses, and a broker checks every connected client again at each reload and every device at once
after an outage: at bcrypt cost 10 fifty clients take 2.7 s of that, at cost 4 they take 0.05 s.
"""

import base64
import hashlib
import secrets

import bcrypt

BCRYPT_COST = 4  # the least that bcrypt knows
PBKDF2_ITERATIONS = 101  # mosquitto's own default
_SALT_BYTES = 12  # as mosquitto_passwd makes them
_STANDARD = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_BCRYPT = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def verifiers_for(secret: str) -> dict[str, str]:
    """The verifiers of one secret, by back-end: `nats` (bcrypt) and `mosquitto` (PBKDF2-SHA512)."""
    return {"nats": bcrypt_of(secret), "mosquitto": pbkdf2_of(secret)}


def bcrypt_of(secret: str, *, salt: bytes | None = None) -> str:
    """nats-server's verifier.

    Args:
        secret: at most 72 bytes, which is all that bcrypt reads.
        salt: 16 bytes; given where the same text must come out each time, random otherwise.
    """
    if salt is None:
        setting = bcrypt.gensalt(BCRYPT_COST)
    else:
        encoded = base64.b64encode(salt).rstrip(b"=").translate(bytes.maketrans(_STANDARD, _BCRYPT))
        setting = b"$2b$%02d$%s" % (BCRYPT_COST, encoded)
    return bcrypt.hashpw(secret.encode(), setting).decode()


def pbkdf2_of(secret: str, *, salt: bytes | None = None) -> str:
    """Mosquitto's verifier, as it stands in its password file: `$7$iterations$salt$hash`."""
    used = secrets.token_bytes(_SALT_BYTES) if salt is None else salt
    digest = hashlib.pbkdf2_hmac("sha512", secret.encode(), used, PBKDF2_ITERATIONS)
    return f"$7${PBKDF2_ITERATIONS}${base64.b64encode(used).decode()}${base64.b64encode(digest).decode()}"
