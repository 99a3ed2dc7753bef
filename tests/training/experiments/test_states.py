"""State and diary: who may change what, and what two at once do."""

from __future__ import annotations

from pathlib import Path
from threading import Thread

import pytest

from runway_lab.errors import DamagedEntry
from runway_lab.library.locks import FileLock
from runway_lab.training.experiments import lines, states
from runway_lab.training.experiments.folder import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_a_state_is_written_with_its_reason_and_told(folder: Folder) -> None:
    assert states.read(folder).name == "paused"
    states.change(folder, "queued", "It waits.", queued=5.0)
    states.change(folder, "training", device="cpu", step=3)
    state = states.read(folder)
    assert (state.name, state.why, state.device, state.step, state.queued) == ("training", "", "cpu", 3, 5.0)
    told = lines.Tail(folder.diary).read()
    assert [line["what"] for line in told] == ["Queued: It waits.", "Training."]
    assert told[1]["at"] == 3


def test_only_a_state_that_leads_there_is_left(folder: Folder) -> None:
    states.change(folder, "finished")
    assert states.change(folder, "paused", only_from=("training", "queued")) is None
    assert states.read(folder).name == "finished"


def test_of_many_that_change_it_at_once_one_wins(folder: Folder) -> None:
    states.change(folder, "queued")
    won: list[object] = []

    def pause() -> None:
        if states.change(folder, "paused", only_from=("queued",)):
            won.append(1)

    threads = [Thread(target=pause) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(won) == 1
    assert sum(line["what"].startswith("Paused") for line in lines.Tail(folder.diary).read()) == 1


def test_an_error_is_forgotten_with_the_next_state(folder: Folder) -> None:
    states.change(folder, "training")
    states.note(folder, error="ValueError: no")
    assert states.read(folder).error == "ValueError: no"
    states.change(folder, "queued")
    assert states.read(folder).error == ""


@pytest.mark.parametrize("text", ["", "[1]", "{", "\0", '{"name": '])
def test_a_damaged_file_is_told(folder: Folder, text: str) -> None:
    folder.state.write_text(text)
    with pytest.raises(DamagedEntry, match="state.json"):
        states.read(folder)


def test_what_another_version_wrote_is_passed_over(folder: Folder) -> None:
    folder.state.write_text('{"name": "dreaming", "step": 3, "colour": "red"}')
    assert states.read(folder) == states.State("paused", step=3)


def test_a_look_at_a_lock_neither_takes_nor_changes_it(folder: Folder) -> None:
    assert not states.held(folder.supervisor_lock)
    assert not folder.supervisor_lock.exists()
    lock = FileLock(folder.supervisor_lock, note="mine")
    lock.acquire()
    assert states.held(folder.supervisor_lock)
    assert lock.holder() is not None
    lock.release()
    assert not states.held(folder.supervisor_lock)
