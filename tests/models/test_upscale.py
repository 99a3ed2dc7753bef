"""Upscaling: better than bicubic on drawings and on a photograph, at any size, without seams."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image

from runway_lab.models import upscale
from runway_lab.models.recipes.leaves import leaves
from runway_lab.models.recipes.upscale import Upscaling, psnr, shrink
from runway_lab.sdk import definition_of


@pytest.fixture(scope="module")
def model():
    return upscale.load(256, "cpu")


def test_the_signature_takes_and_gives_a_picture():
    command = definition_of(upscale.upscale).signature.commands["upscale"]
    assert list(command.inputs) == ["image"]
    assert list(command.outputs) == ["image"]


def test_drawn_pictures_gain_a_decibel(model):
    figures = Upscaling.measure(model[0], 10)
    assert figures["gain_bicubic"] > 1.0
    assert figures["gain_lanczos"] > 1.0
    assert figures["gain_box"] > 1.0
    assert figures["gain_bicubic_jpeg85"] > 0.0


def test_a_photograph_is_not_harmed(model):
    path = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    photo = np.asarray(Image.open(path).convert("RGB"))[:606, :512]
    small = shrink(photo, Image.Resampling.BICUBIC)
    plain = np.asarray(Image.fromarray(small).resize(photo.shape[1::-1], Image.Resampling.BICUBIC))
    assert psnr(upscale.enlarge(model[0], small), photo) > psnr(plain, photo)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (17, 3), (33, 65), (300, 20)])
def test_any_size_is_doubled(model, size):
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8))
    assert upscale.upscale(model, picture).size == (2 * size[0], 2 * size[1])


def test_tiles_leave_no_seams(model):
    picture = leaves(1, seed=9, size=192)[0][:150]
    whole = upscale.enlarge(model[0], picture, tile=1024).astype(int)
    tiled = upscale.enlarge(model[0], picture, tile=64).astype(int)
    assert np.abs(whole - tiled).max() <= 1


def test_a_flat_colour_stays_flat(model):
    for value in (0, 77, 255):
        large = upscale.enlarge(model[0], np.full((20, 20, 3), value, np.uint8)).astype(int)
        assert np.abs(large - value).max() <= 2


def test_transparency_is_kept(model):
    picture = Image.new("RGBA", (24, 16), (200, 30, 30, 255))
    picture.putalpha(Image.linear_gradient("L").resize((24, 16)))
    large = upscale.upscale(model, picture)
    assert large.mode == "RGBA"
    plain = picture.getchannel("A").resize((48, 32), Image.Resampling.BICUBIC)
    assert np.array_equal(np.asarray(large)[..., 3], np.asarray(plain))


def test_an_opaque_picture_stays_opaque(model):
    large = upscale.upscale(model, Image.new("RGBA", (8, 8), (10, 20, 30, 255)))
    assert large.mode == "RGB"


def test_a_gray_picture_stays_gray(model):
    gray = leaves(1, seed=3, size=48)[0].mean(axis=2, keepdims=True).astype(np.uint8)
    large = upscale.enlarge(model[0], np.repeat(gray, 3, axis=2))
    assert (large == large[..., :1]).all()


def test_an_untaught_network_is_nearly_bicubic():
    picture = leaves(1, seed=2, size=64)[0]
    plain = np.asarray(Image.fromarray(picture).resize((128, 128), Image.Resampling.BICUBIC)).astype(int)
    untaught = upscale.Upscaler().eval()
    for name, value in untaught.named_parameters():
        if name.startswith("draw"):
            value.data.zero_()
    difference = np.abs(upscale.enlarge(untaught, picture).astype(int) - plain)
    # Pillow cuts off what overshoots after each of its two passes; only there may the two differ.
    assert np.quantile(difference[4:-4, 4:-4], 0.98) <= 1
