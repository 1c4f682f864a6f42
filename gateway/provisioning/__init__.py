"""Keeping a broker's accounts and access lists equal to the register; one module for each sort of broker."""

from gateway.provisioning.mosquitto import MosquittoProvisioner
from gateway.provisioning.nats import NatsProvisioner
from gateway.provisioning.provisioner import DeviceAccount, Provisioner

__all__ = ["DeviceAccount", "MosquittoProvisioner", "NatsProvisioner", "Provisioner"]
