"""What the callbacks share."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from support.plain_trainer import Plain

from runway_lab.training.experiments import resume, wishes
from runway_lab.training.experiments.folder import Folder
from runway_lab.training.experiments.plan import Plan
from runway_lab.training.experiments.work import Work
from runway_lab.training.loop.settings import TrainingSettings


def test_a_look_reads_only_what_changed_and_not_too_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Folder(tmp_path)
    Plan("Petals", TrainingSettings(steps=40).to_json()).write(folder)
    work = Work(folder, resume.Saver(folder, Plain.write, 60))
    trainer = SimpleNamespace(settings=TrainingSettings(steps=40))
    now = 1000.0
    monkeypatch.setattr("runway_lab.training.experiments.work.time", SimpleNamespace(monotonic=lambda: now))
    work._looked = now
    reads: list[int] = []
    real = Plan.read
    monkeypatch.setattr(Plan, "read", lambda folder: reads.append(1) or real(folder))
    for _ in range(100):
        work.look(trainer)
    now += 1
    work.look(trainer)
    assert reads == []
    wishes.wish(folder, stop="Enough.")
    work.look(trainer)
    assert work.wishes.stop == "", "not yet time to look"
    now += 1
    work.look(trainer)
    assert work.wishes.stop == "Enough."
    work.scribe.close()


def test_what_was_changed_while_it_was_loading_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Folder(tmp_path)
    Plan("Petals", TrainingSettings(steps=40).to_json()).write(folder)
    real = wishes.read

    def read(folder: Folder) -> wishes.Wishes:
        """Somebody wishes for something in the very moment after the look."""
        found = real(folder)
        monkeypatch.setattr(wishes, "read", real)
        wishes.wish(folder, pause="Now.")
        Plan.change(folder, settings=lambda was: {**was, "steps": 90})
        return found

    monkeypatch.setattr(wishes, "read", read)
    monkeypatch.setattr("runway_lab.training.experiments.work.LOOK_SECONDS", -1)
    work = Work(folder, resume.Saver(folder, Plain.write, 60))
    trainer = SimpleNamespace(settings=TrainingSettings(steps=40))
    work.look(trainer)
    assert work.wishes.pause == "Now."
    assert trainer.settings.steps == 90
    work.scribe.close()
