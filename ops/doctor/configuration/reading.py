"""Which broker a configuration file is for, and the findings about it."""

from pathlib import Path

from ops.doctor.configuration import mosquitto, nats
from ops.doctor.configuration.mosquitto_file import read_mosquitto
from ops.doctor.configuration.nats_file import read_nats
from ops.doctor.configuration.text import text_of
from ops.doctor.finding import Finding


def examine(file: Path, *, batch_readings: int) -> list[Finding]:
    """Grade a broker's configuration file.

    Args:
        file: a mosquitto.conf or a nats-server configuration; told apart by what is in it.
        batch_readings: ingest's setting; the broker's window should be twice as large.

    Raises:
        UnreadableConfiguration: it is not there, not text, or not of either form; says which line.
    """
    text = text_of(file)
    if nats.recognises(text):
        return nats.findings(read_nats(text, file=file), batch_readings=batch_readings)
    return mosquitto.findings(read_mosquitto(file), batch_readings=batch_readings)
