"""Every fault of the catalog, on every broker that it concerns and that is here: lost 0, doubled 0, recovered."""

import re
import traceback
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from random import Random

import pytest

from tests.faults import catalog
from tests.faults.brokers import missing
from tests.faults.catalog.links import LINKS
from tests.faults.report import LINES
from tests.faults.scenario import Fault, play

LONGEST_S = 900  # of one run; those of `--long` too


def discovered() -> list[Fault]:
    """All faults, in the order of their numbers."""
    found: list[Fault] = []
    for module in iter_modules(catalog.__path__):
        found += import_module(f"{catalog.__name__}.{module.name}").faults
    return sorted(found, key=lambda fault: (not fault.number.isdecimal(), fault.number.zfill(3), fault.name))


def runs() -> list[object]:
    """A parameter for each fault and broker; those that are not quick wait for `--all-faults`."""
    return [
        pytest.param(fault, broker, id=f"{fault.name}-{broker}", marks=marks_of(fault))
        for fault in discovered()
        for broker in fault.brokers
    ]


def marks_of(fault: Fault) -> list[pytest.MarkDecorator]:
    """Whether `make test` or `make test-faults` runs it, or both."""
    if fault.only_quick:
        return [pytest.mark.quick_fault]
    return [] if fault.quick else [pytest.mark.every_fault]


@pytest.mark.timeout(LONGEST_S)
@pytest.mark.parametrize(("fault", "broker"), runs())
async def test_nothing_is_lost_or_doubled(fault: Fault, broker: str, seed: int, request: pytest.FixtureRequest) -> None:
    if reason := missing(broker) or fault.skip():
        pytest.skip(reason)
    long = bool(request.config.getoption("--long", default=False))
    kept = request.config.getoption("--keep-logs", default=None)
    keep = Path(kept) / f"{fault.name}-{broker}" if kept else None
    dice = Random(f"{seed} {fault.name} {broker}")  # noqa: S311  no secret
    try:
        result = await play(fault, broker=broker, dice=dice, load=fault.load, long=long, keep=keep)
        LINES.append(result)
        result.balance.check()
        assert result.balance.still_queued == 0, f"{result.balance.still_queued} readings never became safe"
        assert result.recovery_s is not None, "the newest readings were never again stored within a second"
    except BaseException as error:
        again = f"make test-faults ARGS='-k {fault.name}-{broker} --seed {seed}{' --long' if long else ''}'"
        error.add_note(f"replay with: {again}")
        if keep is not None:
            (keep / "failure.txt").write_text("".join(traceback.format_exception(error)))
        raise


def test_every_fault_has_a_name_of_its_own() -> None:
    names = [fault.name for fault in discovered()]
    assert len(set(names)) == len(names)
    assert all(fault.title and fault.number for fault in discovered())


def test_every_fault_stands_in_the_documentation() -> None:
    text = (Path(__file__).parents[2] / "docs" / "reference" / "faults.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `([a-z-]+)` \|", text, re.MULTILINE))
    links = "|".join(LINKS)
    real = {re.sub(f"-({links})$", "", fault.name) for fault in discovered() if not fault.only_quick}
    assert documented == real
