"""Options of the fault runs, which of them are run, and the table at the end."""

from random import SystemRandom

import pytest

from tests.faults.report import LINES, print_table

SEED = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("faults")
    group.addoption("--seed", type=int, default=None, help="replay the choices of an earlier run of the faults")
    group.addoption("--all-faults", action="store_true", help="every fault, not only the quick ones")
    group.addoption("--long", action="store_true", help="the outages of 90 seconds and 6 minutes in full length")
    group.addoption("--keep-logs", default=None, help="folder for the logs of the runs")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    other = "quick_fault" if config.getoption("--all-faults", default=False) else "every_fault"
    out = [item for item in items if other in item.keywords]
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if item not in out]


@pytest.fixture(scope="session")
def seed(request: pytest.FixtureRequest) -> int:
    """From which every run of this session derives its dice."""
    given: int | None = request.config.getoption("--seed", default=None)
    request.config.stash[SEED] = SystemRandom().randrange(1_000_000) if given is None else given
    return request.config.stash[SEED]


def pytest_terminal_summary(config: pytest.Config) -> None:
    if LINES:
        print_table(seed=config.stash[SEED])
