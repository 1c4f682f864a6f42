"""Tests with the real broker and database."""
