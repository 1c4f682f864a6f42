"""One command, or one group of commands, per file; found by discovery: each exports `app: typer.Typer`."""
