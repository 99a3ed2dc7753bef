"""The resume state: whole or not counted, two generations, and never dearer than a twentieth."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.disk import small_disk

from runway_lab.errors import LibraryFull
from runway_lab.training.experiments import lines, resume
from runway_lab.training.experiments.folder import Folder


def write(state: Any, path: Path) -> None:
    path.write_text(json.dumps(state) * 50)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_two_generations_are_kept(folder: Folder) -> None:
    for step in (10, 20, 30):
        resume.save(folder, step, {"at": step}, write)
    whole, damaged = resume.found(folder)
    assert [step for step, _ in whole] == [30, 20]
    assert damaged == []
    assert resume.newest(folder) == 30
    assert sorted(each.name for each in folder.resume.iterdir()) == [
        "state-000020.json", "state-000020.pt", "state-000030.json", "state-000030.pt",
    ]  # fmt: skip


@pytest.mark.parametrize("harm", ["cut", "bit", "gone", "words"])
def test_a_damaged_one_does_not_count_and_the_one_before_does(folder: Folder, harm: str) -> None:
    for step in (10, 20):
        resume.save(folder, step, {"at": step}, write)
    newest = folder.resume / "state-000020.pt"
    data = newest.read_bytes()
    if harm == "cut":
        newest.write_bytes(data[: len(data) // 2])
    elif harm == "bit":
        newest.write_bytes(data[:100] + bytes([data[100] ^ 1]) + data[101:])
    elif harm == "gone":
        newest.unlink()
    else:
        newest.with_suffix(".json").write_text('{"size":')
    whole, damaged = resume.found(folder)
    assert [step for step, _ in whole] == [10]
    assert damaged == [20]


def test_one_without_its_words_is_no_state(folder: Folder) -> None:
    resume.save(folder, 10, {"at": 10}, write)
    (folder.resume / "state-000020.pt").write_text("half")
    assert resume.newest(folder) == 10
    resume.sweep(folder)
    assert not (folder.resume / "state-000020.pt").exists()
    assert (folder.resume / "state-000010.pt").exists()


def test_a_full_disk_leaves_the_old_one(folder: Folder) -> None:
    resume.save(folder, 10, {"at": 10}, write)
    with small_disk(200), pytest.raises(LibraryFull):
        resume.save(folder, 20, {"at": "x" * 1000}, write)
    assert [step for step, _ in resume.found(folder)[0]] == [10]
    assert sorted(each.name for each in folder.resume.iterdir()) == ["state-000010.json", "state-000010.pt"]


def test_the_next_is_due_when_the_time_is_over_and_the_last_has_paid(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(resume, "time", SimpleNamespace(monotonic=lambda: now))

    def slow(state: Any, path: Path) -> None:
        nonlocal now
        now += 5.0
        write(state, path)

    saver = resume.Saver(folder, slow, 60.0)
    assert not saver.due()
    now += 60
    assert saver.due()
    job = saver.job(5, lambda: {"at": 5})
    assert not saver.due(), "it is being written"
    job()
    now += 99.9
    assert not saver.due(), "it took 5 s, so the next may come after 100"
    now += 0.2
    assert saver.due()


def test_the_state_is_copied_when_it_is_asked_for(folder: Folder) -> None:
    value = {"at": 5}
    saver = resume.Saver(folder, write, 0.0)
    job = saver.job(5, value.copy)
    value["at"] = 6
    job()
    assert (folder.resume / "state-000005.pt").read_text().startswith('{"at": 5}')


def test_what_belongs_to_later_steps_is_forgotten(folder: Folder) -> None:
    for step in (10, 20):
        resume.save(folder, step, {"at": step}, write)
    for place in (folder.samples, folder.checkpoints):
        place.mkdir()
    for step in (0, 10, 11, 25):
        folder.sheet(step).touch()
        folder.checkpoint(step).touch()
    (folder.samples / "index.json").touch()
    lines.append(folder.metrics, [{"step": step} for step in range(1, 30)])
    lines.append(folder.measures, [{"step": 25}])
    resume.forget_after(folder, 10)
    assert sorted(each.name for each in folder.samples.iterdir()) == [
        "index.json", "step-000000.webp", "step-000010.webp"
    ]  # fmt: skip
    assert sorted(each.name for each in folder.checkpoints.glob("*")) == [
        "step-000000.safetensors", "step-000010.safetensors",
    ]  # fmt: skip
    assert [row["step"] for row in lines.Tail(folder.metrics).read()] == list(range(1, 11))
    assert lines.Tail(folder.measures).read() == []
    assert resume.newest(folder) == 10
    resume.forget_after(folder, None)
    assert resume.newest(folder) is None
    assert not folder.sheet(0).exists()


def test_sweeping_takes_what_was_half_written_and_nothing_else(folder: Folder) -> None:
    folder.samples.mkdir()
    folder.checkpoints.mkdir()
    left = folder.samples / ".tmp-12345-0123abcd-step-000010.webp"
    part = folder.checkpoints / ".step-000010.safetensors.12345.part"
    mine = folder.samples / "holiday.webp"
    for each in (left, part, mine):
        each.touch()
    resume.sweep(folder)
    assert not left.exists()
    assert not part.exists()
    assert mine.exists()
