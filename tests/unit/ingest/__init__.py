"""Tests of ingest, one thing each."""
