"""What can go wrong while duties are judged and people act on what came of it.

RulesError
├── NotThere            (the alert, incident, unit, duty, waiver or objection that was named)
├── NotNow              (what is asked does not fit the state it is in)
│   └── StillTrue       (closing an alert whose condition holds)
├── SettingRefused
├── BacktestRefused     (the rule, the span or the data for it)
└── LeadershipLost
"""


class RulesError(Exception):
    """Something in the rules failed; the message says what, to which thing and what to do."""


class NotThere(RulesError):
    """There is no such thing; look it up in its list."""


class NotNow(RulesError):
    """The thing is not in a state in which this can be done; the message says which state it is in."""


class StillTrue(NotNow):
    """The alert's condition still holds; mend that, and the alert resolves by itself."""


class SettingRefused(RulesError):
    """A rule's setting has a value that it cannot have; the message names the rule, the key and its unit."""


class BacktestRefused(RulesError):
    """A rule cannot be run over that part of the past; the message says why, and what can be."""


class LeadershipLost(RulesError):
    """Another worker holds the rules now; this one writes nothing more and waits its turn."""
