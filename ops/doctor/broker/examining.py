"""Finds the probes and runs them; one that cannot look says so and does not stop the others."""

import asyncio
from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules

import ops.doctor.broker.probes as folder
from gateway.accounts import DOCTORS
from gateway.address import Address, Tls
from ops.doctor.broker.errors import NotLetIn, NotThere, ProbeFailed
from ops.doctor.broker.ground import Ground, Look, said
from ops.doctor.finding import Finding, Grade

PROBE_S = 25.0  # for one probe; all of them together take less than half of that with a broker that is well


def probes() -> dict[str, Look]:
    """Every probe by its name, in the order of their names."""
    modules = sorted(module.name for module in iter_modules(folder.__path__))
    return {name: import_module(f"{folder.__name__}.{name}").look for name in modules}


async def examine(
    url: str,
    *,
    secret: str,
    kind: str,
    batch_readings: int,
    tls: Tls | None = None,
    on_probe: Callable[[str], None] = lambda _name: None,
) -> list[Finding]:
    """Probe a broker.

    Args:
        url: `mqtt://` or `mqtts://` address.
        secret: `broker.secret`, from which the doctor's accounts are derived.
        kind: `nats`, `mosquitto` or `emqx`.
        batch_readings: ingest's setting.
        tls: for `mqtts://`; None trusts whom the system trusts.
        on_probe: told which probe begins.

    Raises:
        BadBrokerAddress: the URL cannot be read.
        BadTls: a certificate cannot be used.
    """
    address = Address.parse(url)
    context = (tls or Tls()).context() if address.tls else None
    ground = Ground(address, secret=secret, kind=kind, batch_readings=batch_readings, tls=context)
    found: list[Finding] = []
    try:
        async with ground.client(ground.own), ground.client(ground.helper), ground.client(ground.stranger):
            pass
        for name, look in probes().items():
            on_probe(name)
            found += await _looked(name, look, ground)
    except NotThere as error:
        return [
            said("connection", Grade.UNSEEN, "the broker does not answer", str(error), "see broker.url, and start it")
        ]
    except NotLetIn as error:
        why = f"{error}; the probes need {', '.join(DOCTORS)}, whose passwords follow from broker.secret"
        change = "start the gateway, which writes these accounts; see that broker.secret is the one it uses"
        return [said("accounts", Grade.UNSEEN, "the doctor's own accounts are not let in", why, change)]
    finally:
        await ground.clear()
    return found


async def _looked(name: str, look: Look, ground: Ground) -> list[Finding]:
    try:
        async with asyncio.timeout(PROBE_S):
            return await look(ground)
    except TimeoutError:
        return [said(name, Grade.UNSEEN, f"the probe took more than {PROBE_S:g} s", "the broker is too busy to tell")]
    except ProbeFailed as error:
        return [said(name, Grade.UNSEEN, "the probe broke off", str(error))]
