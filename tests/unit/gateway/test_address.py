import pytest

from gateway.address import Address
from gateway.errors import BadBrokerAddress


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("mqtt://127.0.0.1", Address("127.0.0.1", 1883, tls=False)),
        ("mqtts://broker.example", Address("broker.example", 8883, tls=True)),
        ("mqtt://[::1]:2000", Address("::1", 2000, tls=False)),
    ],
)
def test_addresses(url: str, address: Address) -> None:
    assert Address.parse(url) == address
    assert Address.parse(str(address)) == address


@pytest.mark.parametrize("url", ["", "127.0.0.1:1883", "http://x", "mqtt://", "mqtt://x:99999", "mqtt://x:y"])
def test_what_is_no_address_says_the_form(url: str) -> None:
    with pytest.raises(BadBrokerAddress, match=r"mqtt://127\.0\.0\.1:1883"):
        Address.parse(url)
