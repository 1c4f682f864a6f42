import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.errors import TrackError
from gateway.tracks import BadRow, Row, read_tracks, summarise

CSV = """\
user,time,lat,lon,alt_ft
000,2008-10-23T02:53:10Z,39.984683,116.31845,492
001,2008-10-23T02:53:04Z,39.984702,116.318417,492
000,2008-10-23T02:53:04+08:00,39.984702,116.318417,492
"""


def test_a_csv_keeps_its_order_and_times(tmp_path: Path) -> None:
    file = tmp_path / "tracks.csv"
    file.write_text(CSV)
    rows = list(read_tracks(file))
    first = {"type": "position", "t": "2008-10-23T02:53:10Z", "lat": 39.984683, "lon": 116.31845}
    assert rows[0] == Row("track-000", datetime(2008, 10, 23, 2, 53, 10, tzinfo=UTC), first)
    assert [row.device for row in rows if isinstance(row, Row)] == ["track-000", "track-001", "track-000"]
    found = summarise(file, prefix="P-")
    assert (found.rows, found.devices, found.bad) == (3, {"P-000": 2, "P-001": 1}, [])
    assert found.oldest == datetime(2008, 10, 22, 18, 53, 4, tzinfo=UTC)
    assert found.newest == datetime(2008, 10, 23, 2, 53, 10, tzinfo=UTC)


@pytest.mark.parametrize("name", ["tracks.csv.gz", "tracks.csv"])
def test_gzip_is_known_by_its_content_not_by_its_name(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(
        gzip.compress(b"\xef\xbb\xbf" + CSV.replace("user,", "LON_X, User ,").encode().replace(b"\n0", b"\nx,0"))
    )
    assert summarise(file).rows == 3


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("000,2008-10-23T02:53:10Z,north,116", "lat: 'north' is not a number"),
        ("000,2008-10-23T02:53:10Z,nan,116", "lat"),
        ("000,2008-10-23T02:53:10Z,91,116", "lat: Input should be less than or equal to 90"),
        ("000,2008-10-23 02:53:10,39,116", "RFC 3339"),
        ("000,2008-10-23T02:53:10,39,116", "no offset"),
        ("a b,2008-10-23T02:53:10Z,39,116", "cannot be a device name"),
        ("000,2008-10-23T02:53:10Z", "2 columns"),
    ],
)
def test_a_row_that_cannot_be_read_is_named_and_the_rest_goes_on(tmp_path: Path, line: str, reason: str) -> None:
    file = tmp_path / "tracks.csv"
    file.write_text(f"{CSV}{line}\n\n002,2008-10-23T02:53:10Z,39,116\n")
    *_, bad, good = read_tracks(file)
    assert isinstance(bad, BadRow)
    assert bad.line == 5
    assert reason in bad.reason
    assert isinstance(good, Row)


def test_ndjson_takes_all_readings_and_renumbers_them(tmp_path: Path) -> None:
    file = tmp_path / "readings"
    file.write_text(
        '{"device":"H-01","type":"position","t":1224730384000,"boot":3,"seq":4,"lat":39.98,"lon":116.3}\n'
        '{"device":"H-01","type":"button","t":"2008-10-23T02:53:10Z","button":"sos","pressed":true}\n'
        '\n{"type":"status","t":1224730384000}\n{"device":"H-01","type":"dance","t":1224730384000}\n[1]\n{oops\n'
    )
    rows = list(read_tracks(file))
    assert rows[0] == Row(
        "H-01",
        datetime(2008, 10, 23, 2, 53, 4, tzinfo=UTC),
        {"type": "position", "t": 1224730384000, "lat": 39.98, "lon": 116.3},
    )
    assert isinstance(rows[1], Row)
    bad = [row for row in rows[2:] if isinstance(row, BadRow)]
    assert [row.line for row in bad] == [4, 5, 6, 7]
    assert "device is missing" in bad[0].reason
    assert "not JSON" in bad[3].reason


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is no CSV"),
        (b"a,b,c\n1,2,3\n", "is no CSV"),
        (b"user,time,lat\n", "lacks lon"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (gzip.compress(CSV.encode())[:40], "cannot read"),
        (b"\x1f\x8bnonsense", "cannot read"),
    ],
)
def test_a_file_that_is_no_track_says_what_is_expected(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "tracks"
    file.write_bytes(content)
    with pytest.raises(TrackError, match=words):
        summarise(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrackError, match=r"nowhere\.csv: No such file"):
        summarise(tmp_path / "nowhere.csv")
