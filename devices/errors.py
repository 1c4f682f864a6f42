"""What can be wrong with what devices say, or with what is said about devices.

DevicesError
├── UnknownCodec
└── BadDeviceName
"""


class DevicesError(Exception):
    """Something about a device or its format is wrong; the message says what and what to do."""


class UnknownCodec(DevicesError):
    """No codec has that name; `gengfu codecs` lists those there are."""


class BadDeviceName(DevicesError):
    """A device name must be 1 to 64 letters, digits, `_` or `-`: it is also the MQTT user name and part of a topic."""
