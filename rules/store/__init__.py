"""What the rules keep: one module and one file of statements for each kind of row."""
