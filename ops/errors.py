"""What can go wrong on the people's and the process's side.

OpsError
├── SettingsError
├── EmbeddedError  (see ops/embedded)
├── TownError      (see ops/town)
└── HttpError      (see ops/http)
"""


class OpsError(Exception):
    """A command or service could not do what was asked; the message says what to do."""


class SettingsError(OpsError):
    """A setting is unknown or has a value that cannot be used; the message names it and where it was set."""
