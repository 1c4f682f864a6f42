"""One probe a module: `look(ground)` tries something with the broker and gives its findings."""
