"""From a delivered frame to a committed row."""
