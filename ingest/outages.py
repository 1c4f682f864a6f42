"""Why the database does not take a write, in a sentence that says what to do."""

import psycopg

# SQLSTATE: what it is, and what helps.
_WORDS = {
    "25006": "it only reads; after a failover give all servers in database.url, or make this one writable again",
    "53100": "its disk is full; free space or lower storage.retention_days",
    "53200": "it is out of memory; see its log",
    "53300": "it has no connection left; raise max_connections or stop other clients",
    "40P01": "a deadlock with another writer, which resolves itself",
    "40001": "another transaction was in the way, which resolves itself",
    "55P03": "a lock is held by another session; see pg_stat_activity",
    "57014": "a statement took too long; see what else the database does",
    "57P01": "it was told to end our session",
    "57P03": "it is starting up or shutting down",
    "23505": "a key is there that was not there a moment ago, which resolves itself",
}

# Classes of SQLSTATE: a broken constraint, something not supported (a row for a frozen chunk), a limit of the server,
# what a site's own trigger says, a damaged page; and a code, out of memory. Each may come of one message for ever while
# all others could be taken in.
_THEIRS = ("23", "0A", "44", "54", "P0", "XX", "53200")


def may_be_theirs(error: Exception) -> bool:
    """Whether an error that does not pass may come of what is written, and not of the server's state."""
    return isinstance(error, psycopg.Error) and (error.sqlstate or "-").startswith(_THEIRS)


def kind_of(error: Exception) -> str:
    """What tells one cause from another: the server's code, or else the class."""
    return (error.sqlstate if isinstance(error, psycopg.Error) else None) or type(error).__name__


def said(error: Exception) -> str:
    """The error in our words, when it is one that we know, and in the server's own."""
    own = " ".join(str(error).split())
    words = _WORDS.get(kind_of(error))
    return f"{words} ({own})" if words else own
