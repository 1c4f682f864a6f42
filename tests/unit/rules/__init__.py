"""Rules, without a database: short timelines and properties."""
