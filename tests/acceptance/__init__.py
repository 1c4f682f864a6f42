"""Tests of what a user does."""
