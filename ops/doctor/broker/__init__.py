"""Black-box probes of a broker: one module each, found here, run one after the other on topics of the doctor's own."""

from ops.doctor.broker.examining import examine

__all__ = ["examine"]
