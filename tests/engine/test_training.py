"""`rl.train` and `rl.experiments`: begun here, found again anywhere."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from support.cells import wait_for
from support.experiments import SMALL, dots, environment_for_tests, until, until_step
from support.kernel import Kernel

import runway_lab as rl
from runway_lab.engine import training
from runway_lab.engine.machine import cores
from runway_lab.errors import BadValue, Unknown
from runway_lab.training.experiments.devices import devices

QUICK = {name: value for name, value in SMALL.items() if name not in ("steps", "threads")}


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in environment_for_tests().items():
        monkeypatch.setenv(name, value)
    devices.cache_clear()
    dots()
    yield
    for each in rl.experiments.values():
        each.stop(wait=10)


def test_a_training_is_one_line_and_goes_on_by_itself(capsys: pytest.CaptureFixture[str]) -> None:
    run = rl.train("Petals", "dots", steps=30, **QUICK)
    assert "It goes on without this page: rl.experiments['petals']" in capsys.readouterr().err
    assert run.settings["threads"] == cores()
    assert rl.experiments["petals"] == run
    until(run, "finished")
    assert list(rl.experiments) == ["petals"]


def test_it_can_be_waited_for_with_a_line_that_says_how_far_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLAIN_STEP", "0.03")
    run = rl.train("Petals", "dots", steps=60, wait=True, **QUICK)
    assert run.state == "finished"
    said = capsys.readouterr().err
    assert "Petals: step" in said
    assert "Petals is finished at step 60." in said


def test_an_interrupted_wait_leaves_the_training_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "follow", interrupt)
    with pytest.raises(KeyboardInterrupt):
        rl.train("Petals", "dots", steps=30, wait=True, **QUICK)
    assert "goes on without you" in capsys.readouterr().err
    until(rl.experiments["petals"], "finished")


def test_a_new_kernel_finds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIN_STEP", "0.01")
    kernel = Kernel(f"rl.train('Petals', 'dots', steps=200, quiet=True, **{QUICK!r})")
    kernel.wait()
    kernel.kill()
    run = rl.experiments["petals"]
    until_step(run, 10)
    assert rl.experiments.running == [run]
    run.stop()


def test_a_mistake_is_told_before_anything_begins() -> None:
    with pytest.raises(Unknown, match="Did you mean 'batch'"):
        rl.train("Petals", "dots", bach=5)
    with pytest.raises(BadValue, match="hours cannot be 0"):
        rl.train("Petals", "dots", hours=0)
    with pytest.raises(BadValue, match="price_per_hour=1.20"):
        rl.train("Petals", "dots", cost=3)
    with pytest.raises(BadValue, match="prepared already"):
        rl.train("Petals", "dots", size=64)
    with pytest.raises(BadValue, match="900 threads are more than the"):
        rl.train("Petals", "dots", threads=900)
    assert len(rl.experiments) == 0


def test_whoever_waits_is_told_for_whom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIN_STEP", "0.02")
    first = rl.train("First", "dots", steps=300, quiet=True, **QUICK)
    until_step(first, 1)
    second = rl.train("Second", "dots", steps=3, quiet=True, **QUICK)
    said, told = [], []

    def say(words: str) -> None:
        said.append(words)
        if len(said) == 1:
            first.stop()

    training.follow(second, say, told.append)
    assert said[0] == "Second waits for First."
    (pictures,) = told
    assert pictures.startswith("40 pictures are used. That is few")
    assert "MB of the disk" in pictures


def test_a_price_bounds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIN_STEP", "0.02")
    run = rl.train("Petals", "dots", steps=500, cost=0.5 / 3600, price_per_hour=1.0, quiet=True, **QUICK)
    until(run, "stopped")
    assert "at 1 an hour" in run.why


def test_none_of_it_needs_torch() -> None:
    kernel = Kernel(
        f"""
        run = rl.train("Petals", "dots", steps=5, quiet=True, **{QUICK!r}).wait()
        repr(rl.experiments), run.status, run.branch(steps=5).wait()
        assert "torch" not in sys.modules
        """
    )
    kernel.wait()
    assert kernel.finish() == 0
    assert wait_for(lambda: not rl.experiments.running)
    assert os.environ["RUNWAY_LAB_TRAINER"]
