"""Tests of rules, one thing each."""
