import base64
import hashlib

import bcrypt

from devices.identity import new_secret
from gateway.verifiers import bcrypt_of, pbkdf2_of, verifiers_for


def test_each_backend_can_check_the_secret() -> None:
    secret = new_secret()
    verifiers = verifiers_for(secret)
    assert set(verifiers) == {"nats", "mosquitto"}
    assert bcrypt.checkpw(secret.encode(), verifiers["nats"].encode())
    assert not bcrypt.checkpw(new_secret().encode(), verifiers["nats"].encode())
    _, kind, iterations, salt, digest = verifiers["mosquitto"].split("$")
    assert kind == "7"
    expected = hashlib.pbkdf2_hmac("sha512", secret.encode(), base64.b64decode(salt), int(iterations))
    assert base64.b64decode(digest) == expected
    assert secret not in "".join(verifiers.values())


def test_the_same_salt_gives_the_same_text_and_another_gives_another() -> None:
    texts = {bcrypt_of("secret", salt=bytes([number]) * 16) for number in range(256)}
    assert len(texts) == 256
    assert bcrypt_of("secret", salt=b"\xff" * 16) in texts
    assert all(bcrypt.checkpw(b"secret", text.encode()) for text in list(texts)[:5])
    assert pbkdf2_of("secret", salt=b"0" * 12) == pbkdf2_of("secret", salt=b"0" * 12)
    assert bcrypt_of("secret") != bcrypt_of("secret")
