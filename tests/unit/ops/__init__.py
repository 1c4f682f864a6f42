"""Tests of ops, one thing each."""
