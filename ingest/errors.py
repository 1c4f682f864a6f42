"""What can go wrong between a delivered frame and a committed row.

IngestError
├── DatabaseUnavailable
│   └── TookTooLong
├── SchemaOutdated
├── MigrationFailed
├── EngineMismatch
├── ConversionRefused
├── ReadingRefused
├── SealBroken
├── PictureStale
└── UnknownQuery
"""


class IngestError(Exception):
    """Something in ingest failed; the message says what, where and what to do."""


class DatabaseUnavailable(IngestError):
    """The database does not answer; check GENGFU_DATABASE_URL and that the server runs."""


class TookTooLong(DatabaseUnavailable):
    """The database did not get done in the time there is; see what else it does, or try with less at once."""


class SchemaOutdated(IngestError):
    """The database's schema is older or newer than this gengfu; run `gengfu migrate` or upgrade gengfu."""


class MigrationFailed(IngestError):
    """A migration could not be applied; nothing of it was kept, mend the cause and run `gengfu migrate` again."""


class EngineMismatch(IngestError):
    """The database keeps readings otherwise than storage.engine asks; set it to auto, or convert the database."""


class ConversionRefused(IngestError):
    """The readings cannot be moved to hypertables now; nothing was changed, mend the cause and try again."""


class ReadingRefused(IngestError):
    """The role may not read a table of gengfu's; grant it SELECT, or use the role that owns the database."""


class SealBroken(IngestError):
    """What was withheld cannot be opened: broker.secret has changed since, or the row was tampered with."""


class PictureStale(IngestError):
    """Somebody's hours of duty changed while a batch was under way; it is matched anew and written again."""


class UnknownQuery(IngestError):
    """A named statement is not in its .sql file; the installation is incomplete, install gengfu again."""
