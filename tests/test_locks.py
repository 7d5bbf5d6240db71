"""Locks that processes share: one holder of a lock, and no more holders of slots than there are."""

import threading
from pathlib import Path

import pytest

from pipeline.locks import held, slot


def most_at_once(data: Path, count: int, holders: int) -> int:
    """How many of so many threads are ever in one of ``count`` slots at once."""
    inside, most, counted = 0, 0, threading.Lock()
    together = threading.Barrier(count, timeout=20)

    def work() -> None:
        nonlocal inside, most
        with slot(data, "load", count):
            with counted:
                inside += 1
                most = max(most, inside)
            together.wait()  # holds its slot until all slots are taken
            with counted:
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(holders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return most


def test_all_slots_are_used_and_never_one_more(tmp_path: Path) -> None:
    assert most_at_once(tmp_path, 2, 6) == 2


def test_a_slot_is_free_again_after_an_error(tmp_path: Path) -> None:
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), slot(tmp_path, "load", 1):
            1 / 0  # noqa: B018
    with slot(tmp_path, "load", 1), held(tmp_path, "load"):
        pass
