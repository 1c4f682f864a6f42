"""From a file's bytes to JSON or to rows, with every way in which a file can be no such thing said in words."""

import csv
import io
import json
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.town.findings import Findings, quote

MAX_BYTES = 64 * 1024 * 1024  # a county's territory is a few MiB; what is larger is another file by mistake

FILL = "fill it; a file that is not required may also be left out"

_OTHER_ENCODINGS = ("gb18030", "big5")


@dataclass(frozen=True)
class Row:
    """One row of a CSV file: the line on which it begins, as an editor counts, and its cells by column."""

    line: int
    cells: dict[str, str]


def read_text(path: Path, *, findings: Findings) -> str | None:
    """The text of a file; None, with a finding, when there is no reading it.

    Symbolic links are refused: a town is a folder that can be copied and sent.
    """
    try:
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            findings.error(path.name, "the file", "is a symbolic link", "put the file itself into the folder")
            return None
        if not stat.S_ISREG(mode):
            what = "is a folder" if stat.S_ISDIR(mode) else "is not an ordinary file"
            findings.error(path.name, "the file", what, "put a file of this name in its place")
            return None
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        findings.error(path.name, "the file", f"cannot be read: {reason}", "check the file and its permissions")
        return None
    if len(data) > MAX_BYTES:
        findings.error(path.name, "the file", "is larger than 64 MiB", "simplify its shapes or split the town")
        return None
    return _decode(data, file=path.name, findings=findings)


def _decode(data: bytes, *, file: str, findings: Findings) -> str | None:
    if not data.strip(b"\xef\xbb\xbf \t\r\n"):
        findings.error(file, "the file", "is empty", FILL)
        return None
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        findings.error(file, "line 1", "is UTF-16, not UTF-8", 'save it again as "UTF-8"')
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        guess = next((name for name in _OTHER_ENCODINGS if _decodes(data, name)), None)
        looks = f"; it looks like {guess.upper()}" if guess else ""
        findings.error(
            file,
            f"line {line}",
            f"is not UTF-8 (byte {error.start + 1} of the file is 0x{data[error.start]:02x}){looks}",
            'save it again as "UTF-8" (in a spreadsheet: "CSV UTF-8")',
        )
        return None
    return text


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def read_json(path: Path, *, findings: Findings) -> Any:
    """What a JSON file holds; None, with a finding, when it holds none."""
    text = read_text(path, findings=findings)
    if text is None:
        return None
    remedy = "write the file again from the program that made it, or mend it in an editor"
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        findings.error(path.name, where, f"is not JSON: {error.msg}", remedy)
    except RecursionError:
        findings.error(path.name, "the file", "is nested too deeply to be GeoJSON", remedy)
    except ValueError as error:  # NaN and the like, and numbers of thousands of digits
        findings.error(path.name, "the file", f"has a number that is none: {error}", remedy)
    else:
        if value is None:
            findings.error(path.name, "the file", "holds null, not a FeatureCollection", remedy)
        return value
    return None


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not allowed in JSON")


def read_rows(path: Path, *, required: tuple[str, ...], optional: tuple[str, ...], findings: Findings) -> Iterator[Row]:
    """The rows of a CSV file, cells stripped; what cannot be a row is a finding and is left out.

    Every column of `required` must be in the header; no column but those and `optional` may be.
    """
    text = read_text(path, findings=findings)
    if text is None:
        return
    file, known = path.name, required + optional
    numbered = _records(text, file=file, findings=findings)
    first = next(((line, cells) for line, cells in numbered if any(cells)), None)
    if first is None:
        return
    header = [cell.strip() for cell in first[1]]
    if not _header_fits(header, line=first[0], file=file, required=required, known=known, findings=findings):
        return
    for line, cells in numbered:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            findings.error(
                file,
                f"row {line}",
                f"has {len(cells)} cells, the header has {len(header)}",
                "add or take away commas; a cell that has a comma in it is written in double quotes",
            )
            continue
        yield Row(line, {name: cell.strip() for name, cell in zip(header, cells, strict=True)})


def _records(text: str, *, file: str, findings: Findings) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            findings.error(
                file, f"row {line}", f"is not CSV: {error}", "look for a double quote that is not closed or doubled"
            )
            return
        if cells is None:
            return
        yield line, cells
        line = reader.line_num + 1


def _header_fits(
    header: list[str], *, line: int, file: str, required: tuple[str, ...], known: tuple[str, ...], findings: Findings
) -> bool:
    """Whether the rows can be read with this header: a column too many is an error, but hides no other."""
    where, remedy = f"row {line}", f"the columns are: {', '.join(known)}"
    for separator, name in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and separator in header[0]:
            findings.error(file, where, f"is separated by {name}", "separate the cells by commas")
            return False
    fits = True
    for name in dict.fromkeys(header):
        if name not in known:
            what = f"has a column {quote(name)} that is not known" if name else "has a column without a name"
            findings.error(file, where, what, remedy)
        elif header.count(name) > 1:
            findings.error(file, where, f"has the column {quote(name)} {header.count(name)} times", remedy)
            fits = False
    for name in required:
        if name not in header:
            findings.error(file, where, f"has no column {quote(name)}", remedy)
            fits = False
    return fits
