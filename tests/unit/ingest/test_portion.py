"""How many messages are tried at once."""

from ingest.delivery import Delivery, Nobody
from ingest.portion import Portion
from tests.integration.bench import NOW


def deliveries(count: int) -> list[Delivery]:
    return [Delivery("t", b"", NOW, dup=False, settler=Nobody(), token=n) for n in range(count)]


def test_it_halves_down_to_one_and_grows_back_while_there_is_time() -> None:
    waiting = deliveries(9)
    portion = Portion(limit_s=8)
    assert portion.of(waiting) == waiting
    sizes = []
    for _ in range(4):
        portion.took_too_long(len(portion.of(waiting)), "why")
        sizes.append(len(portion.of(waiting)))
    assert sizes == [4, 2, 1, 1]
    portion.worked(1, took_s=5)
    assert len(portion.of(waiting)) == 1
    for _ in range(3):
        portion.worked(len(portion.of(waiting)), took_s=1)
    assert len(portion.of(waiting)) == 8
    portion.worked(3, took_s=1)  # the end of a batch
    assert len(portion.of(waiting)) == 8
    portion.worked(8, took_s=1)
    assert portion.of(waiting) is waiting
