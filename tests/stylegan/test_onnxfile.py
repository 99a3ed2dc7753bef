from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from support.stylegan_files import DATA, fixture_bytes, small_stylegan2, small_stylegan3

from runway_lab.errors import BadValue, RunwayLabError
from runway_lab.stylegan import BadCheckpoint, Checkpoint, Generator, load, onnxfile, save_onnx

CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "skip": (small_stylegan2, {}),
    "orig": (small_stylegan2, {"architecture": "orig"}),
    "resnet": (small_stylegan2, {"architecture": "resnet"}),
    "skip, labels": (small_stylegan2, {"c_dim": 3}),
    "orig, labels": (small_stylegan2, {"architecture": "orig", "c_dim": 1}),
    "resnet, labels": (small_stylegan2, {"architecture": "resnet", "c_dim": 3, "embed_features": 5}),
    "clamped": (small_stylegan2, {"architecture": "resnet", "conv_clamp": 0.5}),
    "wide and gray": (small_stylegan2, {"start": (4, 6), "img_channels": 1}),
    "only 4x4": (small_stylegan2, {"resolution": 4}),
    "without noise": (small_stylegan2, {"use_noise": False, "mapping_layers": 8, "layer_features": 7}),
    "relu": (small_stylegan2, {"mapping_activation": "relu"}),
    "swish": (small_stylegan2, {"mapping_activation": "swish"}),
    "tanh": (small_stylegan2, {"mapping_activation": "tanh"}),
    "sigmoid": (small_stylegan2, {"mapping_activation": "sigmoid"}),
    "linear": (small_stylegan2, {"mapping_activation": "linear"}),
    "stylegan3-t": (small_stylegan3, {}),
    "stylegan3-r": (small_stylegan3, {"conv_kernel": 1, "radial": True, "c_dim": 2}),
    "stylegan3, one tap": (small_stylegan3, {"filter_size": 1, "margin": 4}),
    "stylegan3, no filters": (small_stylegan3, {"lrelu_upsampling": 1}),
    "stylegan3, clamped": (small_stylegan3, {"conv_clamp": 0.5, "resolution": 32}),
}


def opened(path: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def ran(path: Path, G: Generator, count: int, psi: float) -> tuple[np.ndarray, torch.Tensor]:  # noqa: N803
    """What the file gives for some z and labels, and what the generator gives."""
    source = torch.Generator().manual_seed(count)
    z = torch.randn(count, G.z_dim, generator=source)
    labels = torch.rand(count, G.c_dim, generator=source) if G.c_dim else None
    given = {"z": z.numpy(), "truncation": np.array([psi], np.float32)}
    if labels is not None:
        given["label"] = labels.numpy()
    (images,) = opened(path).run(["image"], given)
    return images, G(z, labels, psi=psi)


def alike(images: np.ndarray, expected: torch.Tensor) -> None:
    assert images.dtype == np.float32
    assert images.shape == expected.shape
    spread = float(expected.max() - expected.min())
    assert spread > 0.05
    assert float(np.abs(images - expected.numpy()).max()) < 1e-4 * spread


@pytest.mark.parametrize("name", CASES)
def test_the_file_draws_what_the_generator_draws(name: str, tmp_path: Path) -> None:
    make, changes = CASES[name]
    G = make(**changes)  # noqa: N806
    path = save_onnx(G, tmp_path / "x.onnx")
    onnx.checker.check_model(path, full_check=True)
    for count, psi in [(1, 1.0), (1, 0.7), (3, 0.7), (4, 1.0)]:
        alike(*ran(path, G, count, psi))


def test_one_file_takes_any_number_of_pictures_and_says_its_shapes(tmp_path: Path) -> None:
    G = small_stylegan2(c_dim=3, start=(4, 6), conv_clamp=256.0)  # noqa: N806
    model = onnx.load(save_onnx(G, tmp_path / "x.onnx"))

    def shapes(values: Any) -> dict[str, list[str | int]]:
        dimensions = {value.name: value.type.tensor_type.shape.dim for value in values}
        return {name: [each.dim_param or each.dim_value for each in dims] for name, dims in dimensions.items()}

    assert shapes(model.graph.input) == {"z": ["n", 12], "label": ["n", 3], "truncation": [1]}
    assert shapes(model.graph.output) == {"image": ["n", 3, 16, 24]}
    assert [(each.domain, each.version) for each in model.opset_import] == [("", 17)]
    assert {node.domain for node in model.graph.node} == {""}
    # Some runtimes insist that the ends of a range are scalars.
    ends = {name for node in model.graph.node if node.op_type == "Clip" for name in node.input[1:]}
    assert {tuple(each.dims) for each in model.graph.initializer if each.name in ends} == {()}


@pytest.mark.parametrize("name", ["sg2gray", "sg3r"])
def test_a_model_of_the_reference_draws_what_the_reference_drew(name: str, tmp_path: Path) -> None:
    (tmp_path / "x.pkl").write_bytes(fixture_bytes(name))
    checkpoint = load(tmp_path / "x.pkl")
    session = opened(checkpoint.save(tmp_path / "x.onnx"))
    answers = np.load(DATA / f"{name}.npz")
    for psi, picture in [(1.0, "img"), (0.7, "img_psi07")]:
        given = {"z": answers["z"].astype(np.float32), "truncation": np.array([psi], np.float32)}
        alike(session.run(["image"], given)[0], torch.from_numpy(answers[picture]))


def test_noise_can_be_left_out(tmp_path: Path) -> None:
    G = small_stylegan2()  # noqa: N806
    images, with_noise = ran(save_onnx(G, tmp_path / "x.onnx", noise="none"), G, 2, 1.0)
    z = torch.randn(2, G.z_dim, generator=torch.Generator().manual_seed(2))
    alike(images, G(z, noise="none"))
    assert np.abs(images - with_noise.numpy()).max() > 0.01
    with pytest.raises(BadValue, match="cannot have the noise 'random'"):
        save_onnx(G, tmp_path / "y.onnx", noise="random")  # type: ignore[arg-type]
    assert [each.name for each in tmp_path.iterdir()] == ["x.onnx"]


def test_a_stylegan3_that_was_moved_stays_moved(tmp_path: Path) -> None:
    G = small_stylegan3()  # noqa: N806
    still, _ = ran(save_onnx(G, tmp_path / "x.onnx"), G, 1, 1.0)
    G.move(0.1, -0.2, 30)
    # Larger than life in one direction, so that some waves lie beyond the band.
    G.synthesis.input.transform[0] *= 3
    images, expected = ran(save_onnx(G, tmp_path / "x.onnx"), G, 2, 1.0)
    alike(images, expected)
    assert np.abs(images[:1] - still).max() > 0.01


def metadata(path: Path) -> dict[str, str]:
    return {each.key: each.value for each in onnx.load(path).metadata_props}


def test_whose_it_is_and_what_it_came_from_travel_along(tmp_path: Path) -> None:
    G = small_stylegan2(c_dim=2)  # noqa: N806
    made = Checkpoint(G, None, "stylegan2", G.config, labels=("rose", "tulip"), licence="CC BY 4.0", lineage=["a", "b"])
    about = metadata(made.save(tmp_path / "x.onnx"))
    assert about.pop("licence") == "CC BY 4.0"
    assert {name: json.loads(text) for name, text in about.items()} == {
        "labels": ["rose", "tulip"],
        "lineage": ["a", "b"],
    }
    about = {
        each.key: each.value for each in onnx.load(save_onnx(G, tmp_path / "x.onnx", title="Roses")).metadata_props
    }
    assert about == {"title": "Roses"}


def test_it_is_not_read_back(tmp_path: Path) -> None:
    with pytest.raises(BadCheckpoint, match=r"x\.onnx: This is an ONNX file"):
        load(save_onnx(small_stylegan2(), tmp_path / "x.onnx"))


def test_a_model_beyond_the_format_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxfile, "_LARGEST", 10_000)
    with pytest.raises(BadValue, match="too large for an ONNX file"):
        save_onnx(small_stylegan2(), tmp_path / "x.onnx")
    assert not list(tmp_path.iterdir())


def test_without_the_package_the_line_to_type_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(RunwayLabError) as caught:
        save_onnx(small_stylegan2(), tmp_path / "x.onnx")
    assert str(caught.value) == (
        'Writing an ONNX file takes the package onnx, which is not installed. Type: pip install "runway-lab[onnx]"'
    )
    assert not list(tmp_path.iterdir())
