"""MQTT 3.1.1 and 5 on asyncio: packets, the reader of a byte stream, one connection, a publisher for load."""
