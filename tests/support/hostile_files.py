"""Checkpoints made to fill the memory, to hang the reader or to run something, each with what is to be said of it."""

from __future__ import annotations

import argparse
import collections
import copy
import io
import json
import pickle
import struct
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from support.stylegan_files import (
    Persistent,
    nvidia_pickle,
    pretending,
    small_discriminator,
    small_stylegan2,
    tensorflow_pickle,
    torch_bytes,
)

from runway_lab.stylegan.discriminator import Discriminator, DiscriminatorConfig
from runway_lab.stylegan.native import FORMAT
from runway_lab.stylegan.rosinality import discriminator_to_rosinality, generator_to_rosinality
from runway_lab.stylegan.stylegan2 import StyleGAN2, StyleGAN2Config

Made = tuple[bytes, str]
FILES: dict[str, Callable[[], Made]] = {}


def hostile(make: Callable[[], Made]) -> Callable[[], Made]:
    FILES[make.__name__.replace("_", " ")] = make
    return make


def safetensors(entries: dict[str, Any], body: bytes = b"", **metadata: Any) -> bytes:
    header = {"__metadata__": {"format": FORMAT, "kind": "stylegan2", **metadata}, **entries}
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def repeated(state: dict[str, torch.Tensor], base: torch.Tensor) -> dict[str, torch.Tensor]:
    """The same shapes, all of them looking at the beginning of `base`."""
    return {name: base[: tensor.numel()].view(tensor.shape) for name, tensor in state.items()}


def large_state() -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Shapes of networks of 320 MB."""
    with torch.device("meta"):
        generator = StyleGAN2(StyleGAN2Config(resolution=1024, channel_base=2**19, mapping_layers=2))
        critic = Discriminator(DiscriminatorConfig(resolution=1024, channel_base=2**19))

    def kept(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {name: tensor for name, tensor in state.items() if not name.endswith("kernel")}

    # On the meta device nothing has numbers, so these are shapes only.
    torch.Tensor.cpu, cpu = (lambda self: self), torch.Tensor.cpu  # type: ignore[method-assign, assignment]
    try:
        return kept(generator_to_rosinality(generator)), kept(discriminator_to_rosinality(critic))
    finally:
        torch.Tensor.cpu = cpu  # type: ignore[method-assign]


def consecutive(state: dict[str, torch.Tensor], flat: torch.Tensor) -> dict[str, torch.Tensor]:
    """The same shapes, one behind the other in `flat`."""
    views, at = {}, 0
    for name, tensor in state.items():
        views[name] = flat[at : at + tensor.numel()].view(tensor.shape)
        at += tensor.numel()
    return views


@hostile
def many_tensors_on_one_storage() -> Made:
    generator, critic = large_state()
    base = torch.zeros(512 * 8192)
    contents = {"g_ema": repeated(generator, base), "d": repeated(critic, base), "latent_avg": torch.zeros(512)}
    return torch_bytes(contents), "another tensor's already"


@hostile
def tensors_that_repeat_one_number() -> Made:
    generator, _ = large_state()
    base = torch.zeros(512 * 512 * 9)
    state = {name: base[0].expand(tensor.shape) for name, tensor in generator.items()}
    return torch_bytes({"g_ema": state, "latent_avg": torch.zeros(512)}), "same numbers in several places"


@hostile
def tensors_that_overlap_themselves() -> Made:
    generator, _ = large_state()
    base = torch.zeros(512 * 512 * 9)
    for name, tensor in generator.items():
        strides = [1] * tensor.ndim
        generator[name] = torch.as_strided(base, tensor.shape, strides)
    return torch_bytes({"g_ema": generator, "latent_avg": torch.zeros(512)}), "same numbers in several places"


@hostile
def bytes_as_weights() -> Made:
    generator = generator_to_rosinality(small_stylegan2(z_dim=10, w_dim=10))
    state = {name: torch.zeros(tensor.shape, dtype=torch.uint8) for name, tensor in generator.items()}
    return torch_bytes({"g_ema": state, "latent_avg": torch.zeros(10)}), "holds uint8, which no weights are"


@hostile
def networks_larger_than_the_file() -> Made:
    """No number is used twice in a network, but each by both of them."""
    size = {"resolution": 16, "channel_base": 32768, "channel_max": 512}
    generator = generator_to_rosinality(small_stylegan2(z_dim=512, w_dim=512, **size))
    flat = torch.zeros(17_000_000, dtype=torch.float16)
    contents: dict[str, Any] = {"latent_avg": torch.zeros(512)}
    for part, state in {"g_ema": generator, "d": discriminator_to_rosinality(small_discriminator(**size))}.items():
        contents[part] = consecutive(state, flat)
    return torch_bytes(contents), "unfolds into networks of"


@hostile
def a_z_of_millions() -> Made:
    state = generator_to_rosinality(small_stylegan2(z_dim=10, w_dim=10))
    state["style.1.weight"] = torch.zeros(10, 600_000)
    return torch_bytes({"g_ema": state}), "does not fit the others"


@hostile
def thousands_of_mapping_layers() -> Made:
    state = generator_to_rosinality(small_stylegan2(z_dim=10, w_dim=10))
    for i in range(20_000):
        state[f"style.{i}.weight"], state[f"style.{i}.bias"] = state["style.1.weight"], state["style.1.bias"]
    return torch_bytes({"g_ema": state}), "thousands of tensors"


@hostile
def a_hundred_mapping_layers() -> Made:
    state = {f"mapping.fc{i}.weight": torch.zeros(10, 10) for i in range(100)}
    entries, body = {}, b""
    for name, tensor in (small_stylegan2(z_dim=10, w_dim=10).state_dict() | state).items():
        data = tensor.contiguous().numpy().tobytes()
        entries[f"generator.{name}"] = {
            "dtype": "F32",
            "shape": list(tensor.shape),
            "data_offsets": [len(body), len(body) + len(data)],
        }
        body += data
    return safetensors(entries, body), "more than 64 mapping layers"


@hostile
def tensors_of_a_native_file_that_overlap() -> Made:
    with torch.device("meta"):
        state = StyleGAN2(StyleGAN2Config(resolution=256)).state_dict()
    entries = {}
    for name, tensor in state.items():
        entries[f"generator.{name}"] = {
            "dtype": "F32",
            "shape": list(tensor.shape),
            "data_offsets": [0, 4 * tensor.numel()],
        }
    return safetensors(entries, bytes(512 * 512 * 9 * 4)), "another tensor's already"


@hostile
def a_table_of_contents_of_empty_lists() -> Made:
    text = b'{"__metadata__":[' + b"[]," * 690_000 + b"[]]}"
    return struct.pack("<Q", len(text)) + text, "metadata is damaged"


@hostile
def a_table_of_contents_of_many_tensors() -> Made:
    entries = {f"{i}": {"dtype": "F16", "shape": [], "data_offsets": [2 * i, 2 * i + 2]} for i in range(29_000)}
    return safetensors(entries, bytes(58_000)), "no complete StyleGAN2"


@hostile
def a_lineage_of_empty_lists() -> Made:
    return safetensors({}, lineage="[" + "[]," * 690_000 + "[]]"), "no complete StyleGAN2"


@hostile
def a_deep_table_of_contents() -> Made:
    text = b'{"a":' * 300_000
    return struct.pack("<Q", len(text)) + text, "cannot be read"


class Shared:
    """A tensor of NVIDIA's file whose storage is that of others too, which PyTorch itself would write anew."""

    def __init__(self, storage: Any, shape: torch.Size) -> None:
        self.storage, self.shape = storage, shape

    def __reduce__(self) -> Any:
        strides = tuple(torch.empty(self.shape, device="meta").stride())
        args = (self.storage, 0, tuple(self.shape), strides, False, collections.OrderedDict())
        return torch._utils._rebuild_tensor_v2, args


def record(members: dict[str, Any], children: dict[str, Any], **more: Any) -> Persistent:
    state = {"_parameters": members, "_buffers": {}, "_modules": children, "_init_kwargs": {}, **more}
    return Persistent("Generator", state)


def nvidia(top: Any) -> bytes:
    return pickle.dumps({"G_ema": top}, protocol=4)


@hostile
def modules_that_share_a_storage() -> Made:
    with torch.device("meta"):
        generator = StyleGAN2(StyleGAN2Config(resolution=256))
    storage = torch.zeros(512 * 512 * 9).untyped_storage()
    typed = torch.storage.TypedStorage(wrap_storage=storage, dtype=torch.float32, _internal=True)

    def made(module: Any) -> Persistent:
        tensors = {
            name: Shared(typed, value.shape)
            for name, value in [*module._parameters.items(), *module._buffers.items()]
            if value is not None
        }
        return record(tensors, {name: made(child) for name, child in module._modules.items()})

    with pretending():
        return nvidia(made(generator)), "another tensor's already"


@hostile
def a_module_with_itself_for_ten_thousand_children() -> Made:
    with pretending():
        leaf = record({}, {})
        wide = record({}, {f"c{i}": leaf for i in range(15_000)})
        top = record({}, {"mapping": wide, "synthesis": record({}, {f"c{i}": wide for i in range(10_000)})})
        return nvidia(top), "nested without end"


@hostile
def a_module_with_a_name_of_ten_megabytes() -> Made:
    with pretending():
        leaf = record({f"p{i}": torch.zeros(1) for i in range(300)}, {})
        return nvidia(
            record({}, {"mapping": leaf, "synthesis": record({}, {"x" * 10_000_000: leaf})})
        ), "nested without end"


@hostile
def a_filter_of_twenty_megabytes() -> Made:
    kwargs = {"synthesis_kwargs": {"resample_filter": bytes(20_000_000)}}
    generator = small_stylegan2()
    with pretending():
        from support import stylegan_files

        made = stylegan_files.nvidia_record(generator, "Generator", stylegan_files.nvidia_kwargs(generator) | kwargs)
        return nvidia(made), "another filter"


def network(variables: Any, **components: Any) -> Any:
    return sys.modules["dnnlib.tflib.network"].Network(  # type: ignore[attr-defined]
        {"version": 5, "name": "net", "static_kwargs": {}, "components": components, "variables": variables}
    )


def tensorflow(made: Any) -> bytes:
    return pickle.dumps((made, made, made), protocol=4)


def nested() -> Any:
    """Some bytes in a file, and as text more than there is memory in the world."""
    value: Any = ()
    for _ in range(60):
        value = (value, value)
    return value


@hostile
def a_variable_called_by_a_nested_tuple() -> Made:
    with pretending():
        return tensorflow(network([(nested(), np.zeros(3, np.float32))])), "no proper names"


@hostile
def a_class_called_by_a_nested_tuple() -> Made:
    with pretending():
        return nvidia(Persistent(nested(), {"_modules": {}})), "neither StyleGAN2 nor StyleGAN3"  # type: ignore[arg-type]


@hostile
def a_type_of_numbers_that_is_a_nested_tuple() -> Made:
    return nvidia(Call(np._core.multiarray.scalar, Call(np.dtype, nested()), b"1234")), "An array of the type"


@hostile
def a_device_that_is_a_nested_tuple() -> Made:
    return nvidia(Call(torch.device, nested())), "is no network"


@hostile
def a_key_that_is_a_nested_tuple() -> Made:
    return b"\x80\x04}" + pickle.dumps(nested(), 4)[2:-1] + b"Ns.", "keys that are no plain values"


@hostile
def a_shape_of_text() -> Made:
    array = pickle.dumps(np.zeros(3, np.float32), protocol=4)
    at = array.index(b"K\x03\x85\x94")
    shape = pickle.dumps(("x" * 100_000, 10**6), protocol=4)[2:-1]
    shape = shape[9:] if shape[:1] == b"\x95" else shape
    return array[:at].replace(array[2:11], b"") + shape + array[at + 3 :], "makes no sense"


@hostile
def a_native_shape_of_text() -> Made:
    entries = {"generator.x": {"dtype": "F32", "shape": ["x" * 100_000, 10**6], "data_offsets": [0, 4]}}
    return safetensors(entries, bytes(4)), "makes no sense"


@hostile
def a_native_shape_of_thousands_of_sides() -> Made:
    entries = {"generator.x": {"dtype": "F32", "shape": [10**9] * 100_000, "data_offsets": [0, 4]}}
    return safetensors(entries, bytes(4)), "makes no sense"


class Referring(pickle.Pickler):
    """Writes one object as a reference to a storage whose name is nested."""

    def persistent_id(self, value: Any) -> Any:
        return ("storage", torch.FloatStorage, nested(), "cpu", 4) if value == "here" else None


@hostile
def a_storage_called_by_a_nested_tuple() -> Made:
    out = io.BytesIO()
    Referring(out, 2).dump({"g_ema": "here"})
    plain, archive = torch_bytes({"g_ema": {}}), io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(plain)) as old, zipfile.ZipFile(archive, "w") as made:
        for name in old.namelist():
            made.writestr(name, out.getvalue() if name.endswith("data.pkl") else old.read(name))
    return archive.getvalue(), "storage without a name"


@hostile
def a_stream_whose_keys_are_nested_tuples() -> Made:
    data = torch_bytes({"g_ema": {}}, _use_new_zipfile_serialization=False)
    assert data.endswith(b"]q\x00.")
    return data[: -len(b"\x80\x02]q\x00.")] + pickle.dumps([nested()], 2), "storage that nothing uses"


@hostile
def a_bias_under_a_hundred_names() -> Made:
    bias = np.zeros(5_000_000, np.float32)
    names = [f"{i}x{i}/Conv0_up/mod_bias" for i in range(100)]
    with pretending():
        return tensorflow(network([], synthesis=network([(name, bias) for name in names]))), "another tensor's already"


@hostile
def a_component_in_ten_thousand_places() -> Made:
    with pretending():
        inner = network([(f"v{i}", 1.0) for i in range(10_000)])
        return tensorflow(network([], **{f"c{i}": inner for i in range(10_000)})), "no proper names"


@hostile
def a_key_of_many_long_texts() -> Made:
    long = "x" * 5_000_000
    return pickle.dumps({(long,) * 8: 1, (long,) * 7: 2, (long,) * 6: 3}), "a dictionary of"


@hostile
def keys_that_all_hash_to_the_same() -> Made:
    prime = 2**61 - 1
    return pickle.dumps({(i + 1) * prime: None for i in range(3000)}), "keys that are no words"


@hostile
def keys_of_dictionaries_that_are_joined() -> Made:
    prime = 2**61 - 1
    with pretending():
        easy = sys.modules["dnnlib.util"].EasyDict  # type: ignore[attr-defined]
        parts = [Call(easy, [[(1000 * i + j + 1) * prime, None] for j in range(1000)]) for i in range(3)]
        return pickle.dumps(parts), "keys that are no words"


class Call:
    def __init__(self, function: Any, *args: Any) -> None:
        self.function, self.args = function, args

    def __reduce__(self) -> Any:
        return self.function, self.args


@hostile
def places_in_memory_that_all_hash_to_the_same() -> Made:
    prime = 2**61 - 1
    return b"\x80\x02]" + b"".join(
        b"p%d\n" % ((i + 1) * prime) for i in range(100_000)
    ) + b".", "unfolds into far more|holds a list"


@hostile
def an_archive_of_overlapping_entries() -> Made:
    data = torch_bytes({"g_ema": {"x": torch.zeros(1_000_000)}})
    at = data.index(b"PK\x01\x02")
    end = data.rindex(b"PK\x05\x06")
    table = data[at:end]
    entry = table[: table.index(b"PK\x01\x02", 4)]
    many = table + entry * 20_000
    tail = bytearray(data[end:])
    struct.pack_into("<I", tail, 12, len(many))
    # The count of entries is too large for its field, which nobody needs.
    return data[:at] + many + bytes(tail), "has the tensor x"


@hostile
def an_archive_whose_table_lies() -> Made:
    data = bytearray(torch_bytes({"g_ema": {"x": torch.zeros(4)}}))
    at = data.index(b"PK\x01\x02")
    struct.pack_into("<II", data, at + 20, 2**31, 2**31)
    return bytes(data), "ends after"


@hostile
def a_compressed_archive() -> Made:
    plain = torch_bytes({"g_ema": {"x": torch.zeros(4)}})
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(plain)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name in old.namelist():
            made.writestr(name, bytes(300_000_000) if name.endswith("data/0") else old.read(name))
    return out.getvalue(), "compressed"


@hostile
def an_optimiser_of_lists_in_lists() -> Made:
    deep: list[Any] = []
    for _ in range(100):
        deep = [deep]
    return torch_bytes({"g_optim": deep, "args": argparse.Namespace(x=deep), "g_ema": {}}), "is missing"


def write_all(folder: Path) -> dict[str, str]:
    """Writes each file by its name; what is to be said of it."""
    said = {}
    for name, make in FILES.items():
        data, said[name] = make()
        (folder / name).write_bytes(data)
    return said


def honest_files(folder: Path) -> None:
    """What must not be refused, though it comes near to what is."""
    size = {"resolution": 64, "z_dim": 512, "w_dim": 512, "channel_base": 32768, "channel_max": 512}
    generator, critic = (
        small_stylegan2(**size),
        small_discriminator(**{k: v for k, v in size.items() if k[0] != "z" and k[0] != "w"}),
    )
    state, judge = generator_to_rosinality(generator), discriminator_to_rosinality(critic)
    halves = {name: tensor.half() for name, tensor in state.items()}
    (folder / "half.pt").write_bytes(torch_bytes({"g_ema": halves, "d": {n: t.half() for n, t in judge.items()}}))
    bfloats = {name: tensor.bfloat16() for name, tensor in state.items()}
    (folder / "bfloat.pt").write_bytes(torch_bytes({"g_ema": bfloats}))
    (folder / "shared.pt").write_bytes(torch_bytes({"g_ema": state, "g": state, "d": judge}))
    flat = torch.cat([tensor.reshape(-1) for tensor in state.values()])
    (folder / "flat.pt").write_bytes(torch_bytes({"g_ema": consecutive(state, flat)}))
    quiet = {name: tensor for name, tensor in state.items() if not name.startswith("noises")}
    (folder / "noiseless.pt").write_bytes(torch_bytes({"g_ema": quiet, "g": quiet}))
    (folder / "nvidia.pkl").write_bytes(nvidia_pickle(generator, critic))
    (folder / "nvidia half.pkl").write_bytes(
        nvidia_pickle(copy.deepcopy(generator).half(), copy.deepcopy(critic).half())
    )
    wide = small_stylegan2(start=(4, 6), c_dim=2), small_discriminator(start=(4, 6), c_dim=2)
    (folder / "wide.pkl").write_bytes(nvidia_pickle(wide[0].half(), wide[1].half()))
    (folder / "tensorflow.pkl").write_bytes(tensorflow_pickle(generator, critic))
