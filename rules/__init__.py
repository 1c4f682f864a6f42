"""Duties, signals, verdicts, alerts and tickets.

Other packages use `rules.actions` (what people do), `rules.errors`, `rules.worker` with `rules.options` (the process),
and `rules.catalog` with `rules.settings` (which rules there are and what can be set). The rest is this package's own.
"""
