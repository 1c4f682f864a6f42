"""Named SQL statements, read from `.sql` files that lie beside the code which uses them."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files

from typing_extensions import override

from ingest.errors import UnknownQuery

_HEAD = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


class Queries(Mapping[str, bytes]):
    """The statements of one file, by name; bytes, because psycopg takes those without a literal's ceremony.

    Each statement stands below a line `-- name: its_name`, followed by a comment that describes it.

    Raises:
        UnknownQuery: a name is asked for that the file does not hold.
    """

    def __init__(self, where: str, statements: dict[str, bytes]) -> None:
        self._where = where
        self._statements = statements

    @override
    def __getitem__(self, name: str) -> bytes:
        try:
            return self._statements[name]
        except KeyError:
            raise UnknownQuery(f"no statement {name!r} in {self._where}; install gengfu again") from None

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._statements)

    @override
    def __len__(self) -> int:
        return len(self._statements)


@cache
def load_queries(package: str, file: str) -> Queries:
    """Read `file` (such as `writer.sql`) of `package` (such as `ingest`)."""
    text = files(package).joinpath(file).read_text(encoding="utf-8")
    parts = _HEAD.split(text)[1:]
    statements = {name: body.strip().rstrip(";").encode() for name, body in zip(parts[::2], parts[1::2], strict=True)}
    return Queries(f"{package}/{file}", statements)
