"""Tests of devices, one thing each."""
