"""What a broker's configuration file says, graded line by line; nothing has to run for it."""

from ops.doctor.configuration.reading import examine

__all__ = ["examine"]
