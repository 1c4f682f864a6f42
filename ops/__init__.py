"""The people-facing and process-facing edge: commands, settings, HTTP, services."""
