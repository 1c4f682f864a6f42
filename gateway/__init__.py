"""The device-facing edge: sessions with the broker, topics, accounts, receipts, the device client."""
