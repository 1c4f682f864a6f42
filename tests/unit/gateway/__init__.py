"""Tests of gateway, one thing each."""
