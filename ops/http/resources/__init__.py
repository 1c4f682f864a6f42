"""One API resource per module, found by discovery; its statements lie beside it in a `.sql` file of the same name."""
