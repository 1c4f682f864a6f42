"""One role per file: `async def run(settings, *, stop)`, started by `gengfu run <role>`."""
