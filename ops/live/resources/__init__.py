"""The routes of the live stream, found like those of `ops.http.resources`, which know nothing of it."""
