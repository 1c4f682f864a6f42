"""One codec per wire format, found by discovery."""
