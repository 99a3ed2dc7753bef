from __future__ import annotations

import http.server
import json
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from support.stylegan_files import (
    DATA,
    fixture_bytes,
    nvidia_pickle,
    small_discriminator,
    small_stylegan2,
    small_stylegan3,
    tensorflow_pickle,
    torch_bytes,
)

from runway_lab.errors import BadValue, DownloadFailed, Offline
from runway_lab.stylegan import BadCheckpoint, Checkpoint, UnsafeCheckpoint, checkpoint, load


@pytest.mark.parametrize(("name", "kind"), [("sg2gray", "stylegan2"), ("sg3r", "stylegan3-r")])
def test_the_reference_gives_the_same_answers(name: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "network.pkl"
    path.write_bytes(fixture_bytes(name))
    found = load(path)
    assert found.kind == kind
    answers = np.load(DATA / f"{name}.npz")
    z = torch.from_numpy(answers["z"])
    G = found.generator  # noqa: N806

    def off(mine: torch.Tensor, theirs: np.ndarray) -> float:  # type: ignore[type-arg]
        return float(np.abs(mine.numpy() - theirs).max() / np.ptp(theirs))

    assert off(G.map(z), answers["w"]) < 1e-6
    assert off(G.synthesize(G.map(z)), answers["img"]) < 1e-5
    assert off(G.synthesize(G.map(z, psi=0.7)), answers["img_psi07"]) < 1e-5
    assert off(G.synthesize(G.map(z, psi=0.5, cutoff=4)), answers["img_psi05_cut4"]) < 1e-5
    one_by_one = torch.cat([G.synthesize(G.map(row[None])) for row in z])
    assert off(one_by_one, answers["img"]) < 1e-5
    G.requires_grad_(True)
    assert off(G.synthesize(G.map(z)).detach(), answers["img"]) < 1e-5
    assert found.discriminator is not None
    assert off(found.discriminator(torch.from_numpy(answers["img"])), answers["d_logits"]) < 1e-5


def give(tmp_path: Path, data: bytes, name: str = "file.pkl") -> Path:
    path = tmp_path / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"\n  <html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "Git LFS pointer"),
        (b"\x89PNG\r\n\x1a\n", "PNG picture"),
        (b"\xfd7zXZ\x00", "xz archive"),
        (b"just some text that is no checkpoint", "no checkpoint of a kind that is known"),
        (pickle.dumps({"epoch": 3, "model": {}}), "a dictionary of epoch, model"),
        (pickle.dumps([1, 2]), "a list"),
        (torch_bytes({"state_dict": {}, "epoch": 1}), "a dictionary of state_dict, epoch"),
        (torch_bytes({"GAN": {}, "version": "1"}), "lucidrains"),
    ],
)
def test_foreign_files_are_called_what_they_are(data: bytes, match: str, tmp_path: Path) -> None:
    with pytest.raises(BadCheckpoint, match=match) as caught:
        load(give(tmp_path, data))
    assert caught.value.hint or "known" in str(caught.value)
    assert "file.pkl" in str(caught.value)


@pytest.mark.parametrize("name", ["nowhere/x.pkl", "x" * 5000, "nul\0nul", "~nobody-of-this-name/x.pkl", ""])
def test_a_missing_file(name: str) -> None:
    with pytest.raises(BadCheckpoint, match=r"There is no file|is a folder"):
        load(name)


def test_an_address_that_was_made_a_path_says_so() -> None:
    with pytest.raises(BadCheckpoint, match="given as text"):
        load(Path("https://example.org/x.pkl"))


@pytest.mark.skipif(os.name != "posix", reason="there are no such things")
def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pkl")
    (tmp_path / "folder.pt").mkdir()
    (tmp_path / "zero.pkl").symlink_to("/dev/zero")
    (tmp_path / "circle.pkl").symlink_to(tmp_path / "circle.pkl")
    (tmp_path / "gone.pkl").symlink_to(tmp_path / "nothing")
    for name, match in {
        "pipe.pkl": "a device or a pipe",
        "folder.pt": "is a folder",
        "zero.pkl": "a device or a pipe",
        "circle.pkl": "There is no file",
        "gone.pkl": "There is no file",
    }.items():
        with pytest.raises(BadCheckpoint, match=match) as caught:
            load(tmp_path / name)
        assert name in str(caught.value)
        assert caught.value.hint


def test_a_link_to_a_checkpoint_is_read(tmp_path: Path) -> None:
    give(tmp_path, nvidia_pickle(small_stylegan2()))
    (tmp_path / "link").symlink_to(tmp_path / "file.pkl")
    assert load(tmp_path / "link").kind == "stylegan2"


@pytest.mark.parametrize("size", range(1, 12))
@pytest.mark.parametrize("head", [b"\x80\x04", b"PK\x03\x04", b"\x80\x02\x8a\x0a", b"\x0c\0\0\0\0\0\0\0{"])
def test_files_of_some_bytes_are_refused(head: bytes, size: int, tmp_path: Path) -> None:
    with pytest.raises(BadCheckpoint, match=r"file\.pkl: "):
        load(give(tmp_path, (head + bytes(12))[:size]))


@pytest.mark.parametrize("head", [b"\x80\x04", b"PK\x03\x04", b"\x80\x02(", b"", b"\x00\x10\0\0\0\0\0\0{"])
def test_a_huge_file_of_nothing_is_refused_at_once(head: bytes, tmp_path: Path) -> None:
    path = give(tmp_path, head)
    with path.open("rb+") as file:
        file.truncate(2**34)
    with pytest.raises(BadCheckpoint):
        load(path)


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("you tried to allocate memory: 4 TB")])
def test_too_little_memory_is_said(error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(checkpoint, "_recognise", fail)
    with pytest.raises(BadCheckpoint, match=r"file\.pkl: This machine has not enough free memory.*Close other"):
        load(give(tmp_path, b"x"))


@pytest.mark.parametrize("error", [AssertionError(), RecursionError("deep"), KeyError(1), ZeroDivisionError()])
def test_whatever_goes_wrong_is_said_in_words(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(checkpoint, "_recognise", fail)
    with pytest.raises(BadCheckpoint, match=r"file\.pkl: .* makes no sense"):
        load(give(tmp_path, b"x"))


@pytest.mark.parametrize("low", [0x3C20, 0x200A, 0x3C3C])
def test_the_length_of_a_native_header_is_not_taken_for_text(low: int, tmp_path: Path) -> None:
    G = small_stylegan2()  # noqa: N806
    path = Checkpoint(G, None, "stylegan2", G.config).save(tmp_path / "x.safetensors")
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = data[8 : 8 + length].ljust(low)
    path.write_bytes(len(header).to_bytes(8, "little") + header + data[8 + length :])
    assert len(header) == low
    assert load(path).kind == "stylegan2"


def every_format(made: Checkpoint, tmp_path: Path) -> dict[str, Checkpoint]:
    """One network, read from each format there is."""
    G, D = made.generator, made.discriminator  # noqa: N806
    files = {
        "nvidia.pkl": nvidia_pickle(G, D),
        "tensorflow.pkl": tensorflow_pickle(G, D),  # type: ignore[arg-type]
        "rosinality.pt": made.save(tmp_path / "x.pt").read_bytes(),
        "native.safetensors": made.save(tmp_path / "x.safetensors").read_bytes(),
    }
    return {name: load(give(tmp_path, data, name), live=True) for name, data in files.items()}


def test_all_that_training_goes_on_with_survives_every_way(tmp_path: Path) -> None:
    G, D = small_stylegan2(z_dim=10), small_discriminator()  # noqa: N806
    known = {"licence": "CC BY 4.0", "lineage": [{"name": "Petals", "steps": 3000}], "recipe": {"gamma": 0.5}}
    live = small_stylegan2(seed=3, z_dim=10)
    made = Checkpoint(G, D, "stylegan2", G.config, live=live, **known)  # type: ignore[arg-type]
    images, z = torch.randn(4, 3, 16, 16), torch.randn(2, 10)
    for name, first in every_format(made, tmp_path).items():
        first.licence = first.licence or known["licence"]
        first.lineage, first.recipe = first.lineage or known["lineage"], first.recipe or known["recipe"]
        for ending in (".safetensors", ".pt"):
            found = load(first.save(tmp_path / f"again{ending}"), live=True)
            for each in (first, found):
                assert each.discriminator is not None, name
                assert each.discriminator.config == D.config, name
                assert each.config == G.config, name
                torch.testing.assert_close(each.discriminator(images), D(images), rtol=1e-4, atol=1e-4)
                torch.testing.assert_close(each.generator(z), G(z), rtol=1e-4, atol=1e-4)
                assert each.live is not None, name
            assert (found.licence, found.lineage, found.recipe) == (first.licence, first.lineage, first.recipe), name
    assert "NVIDIA" in load(tmp_path / "nvidia.pkl").licence


@pytest.mark.parametrize("group", [None, 1, 8])
def test_labels_and_how_pictures_are_grouped_survive(group: int | None, tmp_path: Path) -> None:
    G = small_stylegan2(c_dim=3, conv_clamp=256.0, fp16_blocks=0)  # noqa: N806
    D = small_discriminator(c_dim=3, mapping_layers=2, mbstd_group=group, conv_clamp=256.0)  # noqa: N806
    made = Checkpoint(G, D, "stylegan2", G.config, labels=("cat", "dog", "\u0153uf"))
    found = load(made.save(tmp_path / "x.safetensors"))
    assert (found.labels, found.config) == (made.labels, G.config)
    assert found.discriminator is not None
    assert found.discriminator.config == D.config
    read = load(give(tmp_path, nvidia_pickle(G, D)))
    assert read.labels == ("0", "1", "2")
    assert read.discriminator is not None
    assert read.discriminator.config == D.config


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("conv_clamp", "256"),
        ("conv_clamp", float("nan")),
        ("fp16_blocks", 2.5),
        ("fp16_blocks", True),
        ("lr_multiplier", 0),
        ("mapping_activation", "exec"),
        ("mapping_activation", ["lrelu"]),
    ],
)
def test_a_configuration_that_would_only_fail_when_it_draws_is_refused(
    name: str, value: object, tmp_path: Path
) -> None:
    G = small_stylegan2()  # noqa: N806
    path = Checkpoint(G, None, "stylegan2", G.config).save(tmp_path / "x.safetensors")
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    metadata["config"] = json.dumps(json.loads(metadata["config"]) | {name: value})
    save_file(load_file(path), path, metadata)
    with pytest.raises(BadCheckpoint, match=f"makes no sense: {name} cannot be"):
        load(path)


@pytest.mark.parametrize(
    ("name", "value"), [("output_scale", "1"), ("radial", 1), ("filter_size", 6.5), ("layers", True)]
)
def test_that_of_a_stylegan3_too(name: str, value: object, tmp_path: Path) -> None:
    G = small_stylegan3()  # noqa: N806
    path = Checkpoint(G, None, "stylegan3-t", G.config).save(tmp_path / "x.safetensors")
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    metadata["config"] = json.dumps(json.loads(metadata["config"]) | {name: value})
    save_file(load_file(path), path, metadata)
    with pytest.raises(BadCheckpoint, match=f"makes no sense: {name} cannot be"):
        load(path)


class Evil:
    def __reduce__(self) -> object:
        return os.system, ("touch hacked",)


def nested_attack() -> bytes:
    """A harmless outer pickle with a harmful one as the bytes of a storage."""
    inner = pickle.dumps(Evil(), 2)
    outer = b"\x80\x04\x8c\rtorch.storage\x8c\x10_load_from_bytes\x93"
    return outer + b"B" + len(inner).to_bytes(4, "little") + inner + b"\x85R."


@pytest.mark.parametrize(
    "data",
    [
        pickle.dumps({"G_ema": Evil()}),
        torch_bytes({"g_ema": Evil()}),
        torch_bytes({"g_ema": Evil()}, _use_new_zipfile_serialization=False),
        nested_attack(),
    ],
    ids=["pickle", "archive", "stream", "nested"],
)
def test_hostile_files_run_nothing(data: bytes, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnsafeCheckpoint) as caught:
        load(give(tmp_path, data))
    assert caught.value.refused == f"{os.name}.system"
    assert f"{os.name}.system" in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ["file.pkl"]


def test_a_short_pickle_says_so(tmp_path: Path) -> None:
    data = fixture_bytes("sg2gray")
    with pytest.raises(BadCheckpoint, match=r"ends after 0\.\d+ of 0\.\d+ MB"):
        load(give(tmp_path, data[:400_000]))


@pytest.mark.parametrize("kind", ["pickle", "archive", "safetensors", "tensorflow"])
def test_damaged_checkpoints_are_refused_in_words(kind: str, tmp_path: Path) -> None:
    made = Checkpoint(small_stylegan2(z_dim=10), small_discriminator(), "stylegan2", small_stylegan2(z_dim=10).config)
    whole = {
        "pickle": lambda: nvidia_pickle(made.generator, made.discriminator),
        "archive": lambda: made.save(tmp_path / "x.pt").read_bytes(),
        "safetensors": lambda: made.save(tmp_path / "x.safetensors").read_bytes(),
        "tensorflow": lambda: tensorflow_pickle(made.generator, made.discriminator),  # type: ignore[arg-type]
    }[kind]()
    random = np.random.default_rng(1)
    refused = 0
    for _ in range(60):
        data = bytearray(whole)
        # Where the structure is dense: at the beginning and at the end.
        for _ in range(6):
            data[random.choice([-1, 1]) * random.integers(3000)] = random.integers(256)
        try:
            load(give(tmp_path, bytes(data)))
        except BadCheckpoint:
            refused += 1
    assert refused > 0


MEASURE = """
import resource, sys, torch
from runway_lab.stylegan import load
from runway_lab.stylegan.stylegan3 import StyleGAN3
load(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
load(sys.argv[2])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
def test_reading_takes_at_most_three_times_the_size_and_64_mb(tmp_path: Path) -> None:
    pytest.importorskip("resource")
    small = give(tmp_path, nvidia_pickle(small_stylegan2(), small_discriminator()), "small.pkl")
    size = {"resolution": 64, "channel_base": 32768, "channel_max": 512}
    big = give(tmp_path, nvidia_pickle(small_stylegan2(**size), small_discriminator(**size)), "big.pkl")
    out = subprocess.run([sys.executable, "-c", MEASURE, small, big], capture_output=True, check=True)
    assert int(out.stdout) * 1024 < 3 * big.stat().st_size + 64 * 2**20


class Server(http.server.BaseHTTPRequestHandler):
    data = b""
    announced = 0

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/faces" else 404)
        self.send_header("Content-Length", str(self.announced))
        self.end_headers()
        self.wfile.write(self.data)

    def log_message(self, *_: object) -> None:
        pass


def test_addresses(tmp_path: Path) -> None:
    G = small_stylegan2()  # noqa: N806
    path = Checkpoint(G, None, "stylegan2", G.config).save(tmp_path / "x.safetensors")
    Server.data = path.read_bytes()
    Server.announced = len(Server.data)
    server = http.server.HTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    try:
        z = torch.randn(1, 12)
        assert torch.equal(load(f"{address}/faces").generator(z), G(z))
        with pytest.raises(DownloadFailed, match="404"):
            load(f"{address}/other")
        Server.announced *= 2
        with pytest.raises(DownloadFailed, match="ended after"):
            load(f"{address}/faces")
        Server.data, Server.announced = b"<html>", 6
        with pytest.raises(BadCheckpoint, match=rf"^{address}/faces: This is a web page"):
            load(f"{address}/faces")
        with pytest.raises(DownloadFailed, match=r"6 bytes; 5 bytes are allowed.*most_bytes"):
            load(f"{address}/faces", most_bytes=5)
    finally:
        server.shutdown()
        server.server_close()
    with pytest.raises(Offline, match="could not be reached"):
        load(f"{address}/faces")


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    G = small_stylegan3()  # noqa: N806
    made = Checkpoint(G, None, "stylegan3-t", G.config)
    with pytest.raises(BadValue, match=r"\.safetensors, \.pt or \.onnx"):
        made.save(tmp_path / "x.pkl")
    with pytest.raises(BadValue, match="stylegan3-t cannot be written"):
        made.save(tmp_path / "x.pt")
