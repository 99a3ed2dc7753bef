"""What several kernels wish for at once."""

from __future__ import annotations

from pathlib import Path
from threading import Thread

from runway_lab.training.experiments import wishes
from runway_lab.training.experiments.folder import Folder
from runway_lab.training.experiments.plan import Plan


def test_no_wish_is_lost_when_many_wish_at_once(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    threads = [
        Thread(target=wishes.wish, args=(folder,), kwargs={"pinned": lambda was, step=step: (*was, step)})
        for step in range(12)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert wishes.read(folder).pinned == tuple(range(12))


def test_going_on_forgets_pause_and_stop_but_no_pin(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    wishes.wish(folder, pause="Now.", stop="Enough.", pinned=(5,))
    wishes.clear(folder)
    assert wishes.read(folder) == wishes.Wishes(pinned=(5,))


def test_nonsense_among_the_pins_is_passed_over(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.wishes.write_text('{"pinned": [7, "a", -1, 7, true, 3], "dance": 1}')
    assert wishes.read(folder).pinned == (3, 7)


def test_the_stamp_changes_with_plan_and_wishes_alone(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    before = wishes.stamp(folder)
    folder.heartbeat.touch()
    assert wishes.stamp(folder) == before
    wishes.wish(folder, pause="Now.")
    now = wishes.stamp(folder)
    assert now != before
    Plan("a", {"steps": 1}).write(folder)
    assert wishes.stamp(folder) != now
