import pytest

from gateway.accounts import LANES, credentials_of, down_topic, ingest_account, lane_filters
from gateway.errors import NoBrokerSecret

SECRET = "s" * 40


def test_everything_derived_is_stable_and_no_two_are_alike() -> None:
    names = [ingest_account(worker, lane) for worker in ("1", "2") for lane in LANES]
    derived = [credentials_of(name, secret=SECRET) for name in names]
    assert derived == [credentials_of(name, secret=SECRET) for name in names]
    words = [word for one in derived for word in (one.password, one.client_id)]
    assert len(set(words)) == len(words)
    assert all(len(word) == 43 for word in words)
    assert credentials_of(names[0], secret="t" * 40).password != derived[0].password


def test_secrets_do_not_show_in_a_log() -> None:
    one = credentials_of("gengfu-gateway", secret=SECRET)
    assert one.password not in repr(one)
    assert one.client_id not in repr(one)


def test_an_empty_secret_is_refused() -> None:
    with pytest.raises(NoBrokerSecret, match="GENGFU_BROKER_SECRET"):
        credentials_of("gengfu-gateway", secret="")


def test_lanes_are_what_the_codecs_declare() -> None:
    assert "gengfu/v1/+/up" in lane_filters("up")
    assert "gengfu/v1/+/urgent" in lane_filters("urgent")
    assert not set(lane_filters("up")) & set(lane_filters("urgent"))
    assert down_topic("H-01") == "gengfu/v1/H-01/down"
