"""Small StyleGANs with every number set, and writers of the formats others write."""

from __future__ import annotations

import io
import lzma
import pickle
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from runway_lab.stylegan.discriminator import Discriminator, DiscriminatorConfig
from runway_lab.stylegan.generator import Generator
from runway_lab.stylegan.stylegan2 import StyleGAN2, StyleGAN2Config
from runway_lab.stylegan.stylegan3 import StyleGAN3, StyleGAN3Config

DATA = Path(__file__).parents[1] / "stylegan" / "data"
SMALL = {"resolution": 16, "z_dim": 12, "w_dim": 10, "channel_base": 128, "channel_max": 12, "mapping_layers": 2}


def small_stylegan2(seed: int = 0, **changes: Any) -> StyleGAN2:
    """A generator in which noise, biases and the mean of w are not zero."""
    torch.manual_seed(seed)
    model = StyleGAN2(StyleGAN2Config(**{**SMALL, **changes}))
    return _stirred(model)


def small_stylegan3(seed: int = 0, **changes: Any) -> StyleGAN3:
    torch.manual_seed(seed)
    config = {**SMALL, "channel_base": 128, "channel_max": 8, **changes}
    return _stirred(StyleGAN3(StyleGAN3Config(**config)))


def small_discriminator(seed: int = 0, **changes: Any) -> Discriminator:
    torch.manual_seed(seed)
    config = {"resolution": 16, "channel_base": 128, "channel_max": 12, **changes}
    return _stirred(Discriminator(DiscriminatorConfig(**config)))


def _stirred(model: Any) -> Any:
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("noise_strength"):
                parameter.fill_(0.3)
            elif name.endswith("bias"):
                scale = 10 if ".fc" in name and "mapping" in name else 0.2
                parameter.add_(torch.randn_like(parameter) * scale)
        for name, buffer in model.named_buffers():
            if name.endswith("w_avg"):
                buffer.normal_()
    return model.eval().requires_grad_(False)


def fixture_bytes(name: str) -> bytes:
    """A checkpoint in the reference format, with random weights."""
    return lzma.decompress((DATA / f"{name}.pkl.xz").read_bytes())


class Persistent:
    """Pickles as the reference's modules do: a call of a function with a record of five entries."""

    def __init__(self, class_name: str, state: dict[str, Any], version: int = 6) -> None:
        self.meta = {
            "type": "class",
            "version": version,
            "module_src": "raise SystemExit('this must never run')",
            "class_name": class_name,
            "state": state,
        }

    def __reduce__(self) -> Any:
        return sys.modules["torch_utils.persistence"]._reconstruct_persistent_obj, (self.meta,)  # type: ignore[attr-defined]


def _fake(module: str, **members: Any) -> None:
    made = types.ModuleType(module)
    for name, member in members.items():
        member.__module__, member.__qualname__, member.__name__ = module, name, name
        setattr(made, name, member)
    sys.modules[module] = made


class pretending:  # noqa: N801
    """While this lasts, the modules that the reference code's pickles name can be imported."""

    def __enter__(self) -> None:
        def rebuild(meta: Any) -> Any:
            raise AssertionError("nothing of a file may be run")

        class EasyDict(dict):  # type: ignore[type-arg]
            pass

        class Network:
            def __init__(self, state: dict[str, Any]) -> None:
                self.__dict__.update(state)

        for package in ("torch_utils", "dnnlib", "dnnlib.tflib"):
            _fake(package)
        _fake("torch_utils.persistence", _reconstruct_persistent_obj=rebuild)
        _fake("dnnlib.util", EasyDict=EasyDict)
        _fake("dnnlib.tflib.network", Network=Network)

    def __exit__(self, *_: object) -> None:
        for name in [n for n in sys.modules if n.split(".")[0] in ("torch_utils", "dnnlib")]:
            del sys.modules[name]


def nvidia_record(
    network: nn.Module,
    class_name: str,
    kwargs: dict[str, Any],
    frozen: tuple[str, ...] = (),
    version: int = 6,
) -> Persistent:
    """A module tree as the reference stores it; `frozen` parameters go among the buffers."""

    def record(module: nn.Module, name: str, prefix: str) -> Persistent:
        parameters: dict[str, Any] = {}
        buffers: dict[str, Any] = dict(module._buffers)
        for key, value in module._parameters.items():
            whole = None if value is None else nn.Parameter(value.detach().contiguous(), requires_grad=False)
            (buffers if (prefix + key) in frozen else parameters)[key] = whole
        state = {
            "training": False,
            "_parameters": parameters,
            "_buffers": buffers | {"resample_filter": torch.ones(4, 4)},
            "_non_persistent_buffers_set": set(),
            "_forward_hooks": {},
            "_modules": {
                key: record(child, type(child).__name__, f"{prefix}{key}.") for key, child in module._modules.items()
            },
            "_init_args": (),
            "_init_kwargs": kwargs if not prefix else {},
            "act_gain": np.sqrt(2),
        }
        return Persistent(name, state, version)

    return record(network, class_name, "")


def nvidia_kwargs(generator: Generator) -> dict[str, Any]:
    config: Any = generator.config
    kwargs = {
        "z_dim": config.z_dim,
        "c_dim": config.c_dim,
        "w_dim": config.w_dim,
        "img_resolution": config.resolution,
        "img_channels": config.img_channels,
        "mapping_kwargs": {"num_layers": config.mapping_layers},
    }
    size = {"channel_base": config.channel_base, "channel_max": config.channel_max, "conv_clamp": config.conv_clamp}
    if isinstance(config, StyleGAN3Config):
        return kwargs | size | {"conv_kernel": config.conv_kernel, "use_radial_filters": config.radial}
    return kwargs | {"synthesis_kwargs": size | {"architecture": config.architecture}}


def nvidia_pickle(
    generator: Generator,
    discriminator: Discriminator | None = None,
    *,
    protocol: int = pickle.DEFAULT_PROTOCOL,
    class_name: str = "Generator",
    kwargs: dict[str, Any] | None = None,
    frozen: tuple[str, ...] = (),
    version: int = 6,
    extra: dict[str, Any] | None = None,
) -> bytes:
    """A training snapshot of stylegan2-ada-pytorch or stylegan3."""
    with pretending():
        made = nvidia_record(generator, class_name, (kwargs or {}) | nvidia_kwargs(generator), version=version)
        critic = None
        if discriminator is not None:
            config = discriminator.config
            says = {
                "conv_clamp": config.conv_clamp,
                "epilogue_kwargs": {"mbstd_group_size": config.mbstd_group},
                "architecture": config.architecture,
            }
            critic = nvidia_record(discriminator, "Discriminator", says, frozen)
        contents = {"training_set_kwargs": sys.modules["dnnlib.util"].EasyDict(path="x.zip"), "G": made}  # type: ignore[attr-defined]
        contents |= {"D": critic, "G_ema": made, "augment_pipe": None, **(extra or {})}
        return pickle.dumps(contents, protocol=protocol)


def tensorflow_pickle(generator: StyleGAN2, discriminator: Discriminator) -> bytes:
    """A StyleGAN2-ADA snapshot of the TensorFlow version."""

    def dense(name: str, weight: Any, bias: Any) -> list[tuple[str, Any]]:
        return [(f"{name}/weight", weight.numpy().T.copy()), (f"{name}/bias", bias.numpy().copy())]

    def kernel(weight: torch.Tensor, flip: bool) -> Any:
        weight = weight.flip(2, 3) if flip else weight
        return weight.permute(2, 3, 1, 0).contiguous().numpy()

    def styled(name: str, module: Any, flip: bool = False) -> list[tuple[str, Any]]:
        pairs = [
            (f"{name}/weight", kernel(module.weight, flip)),
            (f"{name}/mod_weight", module.affine.weight.numpy().T.copy()),
            (f"{name}/mod_bias", module.affine.bias.numpy() - 1),
            (f"{name}/bias", module.bias.numpy().copy()),
        ]
        if hasattr(module, "noise_strength"):
            pairs.append((f"{name}/noise_strength", module.noise_strength.numpy().copy()))
        return pairs

    mapping, synthesis = [], []
    for i in range(generator.config.mapping_layers):
        layer: Any = generator.mapping.get_submodule(f"fc{i}")
        mapping += dense(f"Dense{i}", layer.weight, layer.bias)
    if generator.c_dim:
        mapping += dense("LabelEmbed", generator.mapping.embed.weight, generator.mapping.embed.bias)
    architecture = generator.config.architecture
    noise = 0
    for block in generator.synthesis.blocks:
        at = f"{block.resolution}x{block.resolution}"
        if block.first:
            synthesis.append((f"{at}/Const/const", block.const[None].numpy()))
            synthesis += styled(f"{at}/Conv", block.conv1)
        else:
            synthesis += styled(f"{at}/Conv0_up", block.conv0, flip=True) + styled(f"{at}/Conv1", block.conv1)
        for conv in block.convs:
            synthesis.append((f"noise{noise}", conv.noise_const[None, None].numpy()))
            noise += 1
        if block.has_rgb:
            synthesis += styled("ToRGB_lod0" if architecture == "orig" else f"{at}/ToRGB", block.torgb)
        if hasattr(block, "skip"):
            synthesis.append((f"{at}/Skip/weight", kernel(block.skip.weight, True)))
    critic: list[tuple[str, Any]] = []
    names = {"fromrgb": "FromRGB", "conv0": "Conv0", "conv1": "Conv1_down", "skip": "Skip"}
    for resolution in discriminator.config.resolutions:
        for ours, theirs in names.items():
            module: Any = getattr(discriminator.get_submodule(f"b{resolution}"), ours, None)
            if module is not None:
                critic.append((f"{resolution}x{resolution}/{theirs}/weight", kernel(module.weight, False)))
                if module.bias is not None:
                    critic.append((f"{resolution}x{resolution}/{theirs}/bias", module.bias.numpy()))
    four = discriminator.b4
    critic += [("4x4/Conv/weight", kernel(four.conv.weight, False)), ("4x4/Conv/bias", four.conv.bias.numpy())]
    critic += dense("4x4/Dense0", four.fc.weight, four.fc.bias) + dense("Output", four.out.weight, four.out.bias)

    with pretending():
        network: Any = sys.modules["dnnlib.tflib.network"].Network  # type: ignore[attr-defined]

        def made(variables: list[tuple[str, Any]], components: dict[str, Any], **kwargs: Any) -> Any:
            return network(
                {
                    "version": 5,
                    "name": "net",
                    "static_kwargs": kwargs,
                    "components": components,
                    "build_module_src": "raise SystemExit",
                    "build_func_name": "main",
                    "variables": variables,
                }
            )

        def whole() -> Any:
            parts = {"mapping": made(mapping, {}), "synthesis": made(synthesis, {})}
            average = [("lod", np.float32(0)), ("dlatent_avg", generator.mapping.w_avg.numpy())]
            return made(average, parts, resolution=generator.config.resolution, conv_clamp=generator.config.conv_clamp)

        return pickle.dumps((whole(), made(critic, {}), whole()), protocol=4)


def torch_bytes(value: Any, **how: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, **how)
    return buffer.getvalue()
