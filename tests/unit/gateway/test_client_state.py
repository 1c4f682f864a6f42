import stat
from pathlib import Path

from gateway.client_state import open_state


def test_ids_stay_and_the_boot_counter_rises(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    first, second, other = (open_state(folder, device) for device in ("H-01", "H-01", "H-02"))
    assert second.boot == first.boot + 1
    assert second.client_id == first.client_id
    assert other.client_id != first.client_id
    assert len(first.client_id) >= 22
    assert stat.S_IMODE((folder / "H-01.json").stat().st_mode) == 0o600


def test_a_spoilt_file_begins_again_above_what_was_used(tmp_path: Path) -> None:
    first = open_state(tmp_path, "H-01")
    (tmp_path / "H-01.json").write_text("{")
    again = open_state(tmp_path, "H-01")
    assert again.boot >= first.boot
    assert again.client_id != first.client_id


def test_without_a_folder_nothing_is_kept() -> None:
    one, two = open_state(None, "H-01"), open_state(None, "H-01")
    assert not one.kept
    assert one.client_id != two.client_id
    assert 1_500_000_000 < one.boot < 2**31
