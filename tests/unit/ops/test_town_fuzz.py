"""Whatever the bytes of a town's files, reading them ends in findings, never in an exception."""

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ops.town import read_town
from ops.town.report import as_json_lines
from tests.unit.ops.small_town import CSV_FILES, geojson_files, write_small_town

SOME = settings(max_examples=150)
NAMES = sorted([*geojson_files(), *CSV_FILES])

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**400, -1, 0, 1e308, 2, 3, "", " ", "\ud800", "a\x00", "K-1", "F-1", "990101100000"]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


def _check(folder: Path) -> list[str]:
    """Read; every finding must be complete and must survive being printed."""
    town, findings = read_town(folder)
    assert town.holdings() is not None
    for finding in findings:
        assert finding.file
        assert finding.where
        assert finding.what
        assert finding.remedy
    for line in as_json_lines(findings):
        line.encode()
    return [finding.severity for finding in findings]


@SOME
@given(name=st.sampled_from(NAMES), data=st.data())
def test_bytes_changed_anywhere(name: str, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = write_small_town(Path(scratch))
        content = (folder / name).read_bytes()
        start = data.draw(st.integers(0, len(content)))
        end = data.draw(st.integers(start, min(len(content), start + 40)))
        spoiled = content[:start] + data.draw(st.binary(max_size=12)) + content[end:]
        (folder / name).write_bytes(spoiled)
        severities = _check(folder)
        if name.endswith(".geojson") and not _is_json(spoiled):
            assert "error" in severities


@SOME
@given(name=st.sampled_from(NAMES), data=st.data())
def test_files_cut_short(name: str, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = write_small_town(Path(scratch))
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: data.draw(st.integers(0, len(content) - 2))])
        severities = _check(folder)
        if name.endswith(".geojson"):
            assert "error" in severities


@SOME
@given(name=st.sampled_from(sorted(geojson_files())), data=st.data())
def test_values_of_json_replaced(name: str, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = write_small_town(Path(scratch))
        content = geojson_files()[name]
        paths = list(_paths(content))
        for path in data.draw(st.lists(st.sampled_from(paths), min_size=1, max_size=3)):
            _replace(content, path, data.draw(values))
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
        _check(folder)


@SOME
@given(name=st.sampled_from(sorted(CSV_FILES)), data=st.data())
def test_cells_replaced(name: str, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = write_small_town(Path(scratch))
        rows = [line.split(",") for line in CSV_FILES[name].splitlines()]
        row = data.draw(st.sampled_from(rows))
        odd = st.one_of(
            st.text(max_size=12),
            st.sampled_from(
                ["9999-12-31", "0001-01-01", "9999-12-31T23:59:59-23:59", "1e999", "-", "K-1", "٣", "2026-١١", "²"]
            ),
        )
        row[data.draw(st.integers(0, len(row) - 1))] = data.draw(odd)
        text = "\n".join(",".join(cells) for cells in rows)
        (folder / name).write_bytes(text.encode("utf-8", "surrogatepass"))
        _check(folder)


def _is_json(content: bytes) -> bool:
    try:
        json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return False
    return True


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> Any:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in inner:
        yield (*path, key)
        yield from _paths(below, (*path, key))


def _replace(value: Any, path: tuple[str | int, ...], new: Any) -> None:
    for key in path[:-1]:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):  # an earlier replacement took this branch away
            return
    if isinstance(value, dict | list):
        try:
            value[path[-1]] = new  # type: ignore[index]
        except (IndexError, TypeError):
            return
