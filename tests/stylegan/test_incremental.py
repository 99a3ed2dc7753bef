from __future__ import annotations

import threading
from typing import Any

import pytest
import torch
from support.stylegan_files import small_stylegan2
from torch import Tensor

from runway_lab.errors import BadValue
from runway_lab.stylegan.incremental import IncrementalSynthesis


@pytest.mark.parametrize("changes", [{}, {"architecture": "resnet"}])
@pytest.mark.parametrize("noise", ["const", "random", "none"])
def test_any_edit_gives_the_whole_new_picture(changes: dict, noise: str) -> None:  # type: ignore[type-arg]
    G = small_stylegan2(resolution=32, **changes)  # noqa: N806
    explore = IncrementalSynthesis(G, noise, seed=5)  # type: ignore[arg-type]
    ws = torch.randn(2, G.num_ws, 10)
    for layer in [0, 7, 3, 7, 6, 1]:
        ws[:, layer] += 0.5
        expected = G.synthesize(ws, noise, seed=5)  # type: ignore[arg-type]
        torch.testing.assert_close(explore(ws), expected, rtol=1e-3, atol=1e-3)


def test_only_what_an_edit_touches_is_computed() -> None:
    G = small_stylegan2(resolution=32)  # noqa: N806
    explore = IncrementalSynthesis(G)
    ws = torch.randn(1, G.num_ws, 10)
    counts = []
    for layer in [None, None, 7, 6, 5, 4, 1, 0]:
        if layer is not None:
            ws[:, layer] += 1
        explore(ws)
        counts.append(explore.computed)
    # Layer 5 is the RGB of 16x16 and the first of 32x32, layer 1 the RGB of 4x4 and the first of 8x8.
    assert counts == [4, 0, 1, 1, 2, 2, 4, 4]


def test_a_preview_is_the_running_sum_and_repeats_nothing() -> None:
    G = small_stylegan2(resolution=32)  # noqa: N806
    explore = IncrementalSynthesis(G)
    ws = torch.randn(1, G.num_ws, 10)
    assert explore.resolutions == [4, 8, 16, 32]
    assert explore(ws, resolution=8).shape == (1, 3, 8, 8)
    assert explore.computed == 2
    explore(ws)
    assert explore.computed == 2
    assert explore(ws, resolution=16).shape == (1, 3, 16, 16)
    assert explore.computed == 0
    with pytest.raises(BadValue, match="4, 8, 16, 32"):
        explore(ws, resolution=64)


def test_a_picture_is_the_callers_own() -> None:
    G = small_stylegan2()  # noqa: N806
    explore = IncrementalSynthesis(G)
    ws = torch.randn(1, G.num_ws, 10)
    first = explore(ws)
    copy = first.clone()
    first.zero_()
    assert torch.equal(explore(ws), copy)


def test_another_precision_or_batch_starts_afresh() -> None:
    G = small_stylegan2()  # noqa: N806
    explore = IncrementalSynthesis(G)
    explore(torch.randn(1, G.num_ws, 10))
    explore(torch.randn(2, G.num_ws, 10))
    assert explore.computed == 3
    G.precision = torch.bfloat16
    explore(torch.randn(2, G.num_ws, 10))
    assert explore.computed == 3


def test_threads_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    G = small_stylegan2()  # noqa: N806
    explore = IncrementalSynthesis(G)
    ws = torch.randn(2, 1, G.num_ws, 10)
    expected = [G.synthesize(each) for each in ws]
    inside, second_done = threading.Event(), threading.Event()
    step = G.synthesis.step

    def slow_step(*given: Any) -> Any:
        if threading.current_thread().name == "first" and not inside.is_set():
            inside.set()
            # Without turns, the second is done with its whole picture before the first goes on.
            second_done.wait(0.5)
        return step(*given)

    monkeypatch.setattr(G.synthesis, "step", slow_step)
    drawn: dict[str, Tensor] = {}

    def draw(number: int, name: str) -> None:
        drawn[name] = explore(ws[number])

    first = threading.Thread(target=draw, args=(0, "first"), name="first")
    first.start()
    inside.wait()
    second = threading.Thread(target=draw, args=(1, "second"), name="second")
    second.start()
    second.join(0.2)
    if not second.is_alive():
        second_done.set()
    first.join()
    second.join()
    torch.testing.assert_close(drawn["first"], expected[0], rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(drawn["second"], expected[1], rtol=1e-3, atol=1e-3)
