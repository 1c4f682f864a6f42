"""Duties, signals, verdicts, alerts and tickets."""
