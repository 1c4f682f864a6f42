"""The pure core of the rules: no input or output and no clock of its own."""
