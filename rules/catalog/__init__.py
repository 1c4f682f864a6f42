"""One rule per file, found by discovery."""
