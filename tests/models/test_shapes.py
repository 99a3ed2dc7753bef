"""Shapes: found where they are, named as what they are, in pictures of any size, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from runway_lab.models import shapes
from runway_lab.models.recipes.doodles import poster
from runway_lab.models.recipes.shapes import ShapeLesson
from runway_lab.sdk import definition_of


@pytest.fixture(scope="module")
def model() -> shapes.Detector:
    return shapes.load("cpu")


def overlap(a, b) -> float:
    a, b = np.asarray(a), np.asarray(b)
    shared = np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0).prod()
    return float(shared / ((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - shared))


def test_the_signature_says_what_is_found():
    find = definition_of(shapes.find).signature.commands["find"]
    assert list(find.inputs) == ["image", "threshold"]
    assert list(find.outputs) == ["boxes", "labels", "scores"]


def test_unseen_pages_are_read_as_well_as_the_card_says(model):
    figures = ShapeLesson.measure(model, 150)
    assert figures["map50"] > 0.85
    assert figures["precision"] > 0.85
    assert figures["recall"] > 0.85


@pytest.mark.parametrize("size", [(160, 160), (640, 480), (333, 777), (1600, 500), (90, 60)])
def test_one_circle_is_found_at_any_size(model, size):
    width, height = size
    picture = Image.new("RGB", size, "white")
    side = 0.6 * min(size)
    box = ((width - side) / 2, (height - side) / 2, (width + side) / 2, (height + side) / 2)
    ImageDraw.Draw(picture).ellipse(box, fill=(200, 40, 60))
    found = shapes.find(model, picture, 0.35)
    assert found["labels"][0] == "circle"
    assert overlap(found["boxes"][0], np.array(box) / [width, height, width, height]) > 0.8


@pytest.mark.parametrize(("ink", "paper"), [("black", "white"), ("white", "black"), ("navy", "khaki")])
def test_an_outlined_square_is_found(model, ink, paper):
    picture = Image.new("RGB", (400, 300), paper)
    ImageDraw.Draw(picture).rectangle((120, 70, 280, 230), outline=ink, width=5)
    found = shapes.find(model, picture, 0.35)
    assert found["labels"] == ["square"]
    assert overlap(found["boxes"][0], np.array([120, 70, 280, 230]) / [400, 300, 400, 300]) > 0.8


def test_all_shapes_of_a_poster_are_found(model):
    for bright in (True, False):
        found = shapes.find(model, poster(bright), 0.35)
        assert len(set(found["labels"]) & set(shapes.LABELS)) >= 11


@pytest.mark.parametrize("paper", ["white", "black", (90, 120, 60)])
def test_an_empty_page_has_nothing_on_it(model, paper):
    assert shapes.find(model, Image.new("RGB", (500, 400), paper), 0.35) == {"boxes": [], "labels": [], "scores": []}


def test_a_higher_threshold_never_finds_more(model):
    page = poster(True)
    counts = [len(shapes.find(model, page, threshold)["boxes"]) for threshold in (0.05, 0.35, 0.65, 0.95)]
    assert counts == sorted(counts, reverse=True)


def test_the_most_certain_comes_first_and_boxes_stay_in_the_picture(model):
    found = shapes.find(model, poster(False), 0.05)
    assert found["scores"] == sorted(found["scores"], reverse=True)
    boxes = np.array(found["boxes"])
    assert boxes.min() >= 0
    assert boxes.max() <= 1
    assert (boxes[:, 2:] > boxes[:, :2]).all()
