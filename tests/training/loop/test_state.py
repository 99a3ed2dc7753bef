"""A training's state, in memory and in a file."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from runway_lab.errors import DamagedEntry
from runway_lab.training.loop.state import copied, read, write


def test_a_copy_does_not_change_with_the_original() -> None:
    original = {"a": [torch.zeros(2)], "b": (1, "two")}
    copy = copied(original)
    original["a"][0].add_(1)  # type: ignore[union-attr]
    assert copy["a"][0].tolist() == [0, 0]
    assert copy["b"] == (1, "two")


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    state = {"step": 7, "weights": {"a": torch.arange(3)}, "order": [1, 2], "chance": torch.Generator().get_state()}
    again = read(write(state, tmp_path / "resume" / "state.pt"))
    assert again["step"] == 7
    assert torch.equal(again["weights"]["a"], torch.arange(3))
    assert torch.equal(again["chance"], state["chance"])  # type: ignore[arg-type]
    assert [each.name for each in (tmp_path / "resume").iterdir()] == ["state.pt"]


@pytest.mark.parametrize("kept", [0, 10, 200, -30])
def test_a_cut_file_is_told_in_words(tmp_path: Path, kept: int) -> None:
    path = write({"weights": torch.randn(100)}, tmp_path / "state.pt")
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DamagedEntry, match=r"state\.pt"):
        read(path)


def test_nothing_in_the_file_is_run(tmp_path: Path) -> None:
    class Harmful:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "harm",)  # type: ignore[return-value]

    torch.save({"step": Harmful()}, tmp_path / "state.pt")
    with pytest.raises(DamagedEntry):
        read(tmp_path / "state.pt")
    assert not (tmp_path / "harm").exists()


def test_a_full_disk_leaves_the_old_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write({"step": 1}, tmp_path / "state.pt")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(Exception, match="no room on the disk"):
        write({"step": 2}, path)
    monkeypatch.undo()
    assert read(path) == {"step": 1}
    assert len(list(tmp_path.iterdir())) == 1
