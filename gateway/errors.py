"""What can go wrong at the device-facing edge.

GatewayError
├── BrokerError
│   ├── BadBrokerAddress
│   ├── BadTls
│   ├── BrokerUnavailable
│   │   └── Stalled
│   └── BrokerRefused
├── ProvisioningError
│   ├── NoBrokerSecret
│   ├── UnmappableTopic
│   └── AccountsNotTaken
├── RegisterError
│   ├── UnknownKind
│   ├── ReservedName
│   ├── DeviceExists
│   ├── UnknownDevice
│   └── DeviceRevoked
├── TrackError
├── OutboxError
│   ├── OutboxFull
│   ├── OutboxInUse
│   └── ReadingTooLarge
└── SimulationError
    └── ScenarioError
"""


class GatewayError(Exception):
    """Something at the edge to the devices failed; the message says what, which thing and what to do."""


class BrokerError(GatewayError):
    """The broker and gengfu could not work together."""


class BadBrokerAddress(BrokerError):
    """The address is not `mqtt://host:port` or `mqtts://host:port`; mend GENGFU_BROKER_URL or --broker-url."""


class BadTls(BrokerError):
    """A certificate or key for mqtts:// cannot be used; mend broker.ca_file, broker.cert_file or broker.key_file."""


class BrokerUnavailable(BrokerError):
    """No connection to the broker, or it ended before the broker confirmed; it may be tried again."""


class Stalled(BrokerUnavailable):
    """Nothing was confirmed for a long time; see that broker and ingest run, and replay again: nothing is doubled."""


class BrokerRefused(BrokerError):
    """The broker answered and said no; look at the account, its secret and whether it has been revoked."""


class ProvisioningError(GatewayError):
    """The broker's accounts could not be made equal to the register."""


class NoBrokerSecret(ProvisioningError):
    """gengfu's own accounts are derived from `broker.secret`, which is not set; set GENGFU_BROKER_SECRET."""


class UnmappableTopic(ProvisioningError):
    """A codec's topic holds a character that the broker would read as something else; change the codec's pattern."""


class AccountsNotTaken(ProvisioningError):
    """The accounts were written, but the broker does not act on them; look into the broker's log."""


class RegisterError(GatewayError):
    """The register of devices cannot do what was asked."""


class UnknownKind(RegisterError):
    """There is no such kind of device; the message names those there are."""


class ReservedName(RegisterError):
    """Names that begin with `gengfu-` belong to gengfu's own accounts; choose another name."""


class DeviceExists(RegisterError):
    """A device of that name is registered; rotate its secret instead, or choose another name."""


class UnknownDevice(RegisterError):
    """No device of that name is registered; `gengfu device list` shows those there are."""


class DeviceRevoked(RegisterError):
    """The device was revoked and its name stays with its history; register a new name."""


class TrackError(GatewayError):
    """A file of recorded tracks cannot be read at all; the message says where and what is expected."""


class StoreUnseen(GatewayError):
    """The folder in which the broker keeps its queues cannot be looked at; see `broker.store_dir`."""


class OutboxError(GatewayError):
    """A device's outbox cannot be used or written; the message names the file and what is in the way."""


class OutboxFull(OutboxError):
    """A device's outbox has no room and nothing that may be dropped; this reading was not taken."""


class OutboxInUse(OutboxError):
    """Another process plays the same device from the same folder; end it, or use another folder."""


class ReadingTooLarge(OutboxError):
    """One reading is larger than a message may be; it was not taken."""


class SimulationError(GatewayError):
    """The simulation cannot begin; the message says what it lacks."""


class ScenarioError(SimulationError):
    """A scenario file cannot be used; the message names each key that is wrong."""
