"""What is there already is recognised, exactly or nearly; what only has the same mood is not."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image, ImageEnhance
from support.pictures import encoded, photo

from runway_lab.errors import BadValue
from runway_lab.training.datasets.judge import THUMBNAILS, Judge, SimilarPictures
from runway_lab.training.datasets.look import Looked, look
from runway_lab.training.datasets.plan import Plan
from runway_lab.training.datasets.sources import Item

PLAN = Plan(32, 32)


def seen(name: str, data: bytes, plan: Plan = PLAN) -> Looked:
    return look(Item(name, len(data), 0, lambda most: data[:most]), plan)


def test_the_first_of_the_same_is_taken() -> None:
    judge = Judge(PLAN)
    data = encoded(photo(1))
    assert [judge.hear(seen(name, data)) for name in ("a.jpg", "b.jpg", "c.jpg")] == [True, False, False]
    assert [each.findings for each in judge.heard] == [[], ["duplicate"], ["duplicate"]]
    assert judge.heard[2].note == "the same as a.jpg"
    assert judge.reason(judge.heard[1]) == "duplicate"


def test_what_is_left_out_is_nobodys_original() -> None:
    judge = Judge(PLAN.deciding({"wrong_extension": "skip"}))
    data = encoded(photo(1))
    assert [judge.hear(seen(name, data, judge.plan)) for name in ("a.png", "b.jpg")] == [False, True]


def alike(picture: Image.Image) -> dict[str, Image.Image]:
    wide, high = picture.size
    return {
        "smaller": picture.resize((wide // 2, high // 2), Image.Resampling.LANCZOS),
        "brighter": ImageEnhance.Brightness(picture).enhance(1.04),
        "cropped a little": picture.crop((2, 1, wide - 2, high - 1)),
        "softer": picture.resize((wide // 3, high // 3)).resize((wide, high)),
    }


@pytest.mark.parametrize("how", list(alike(photo())))
def test_look_alikes_are_found(how: str) -> None:
    for number in range(8):
        judge = Judge(PLAN)
        judge.hear(seen("a.jpg", encoded(photo(number, 192, 128))))
        other = alike(photo(number, 192, 128))[how]
        assert judge.hear(seen("b.jpg", encoded(other, quality=70))), "they are used unless somebody says otherwise"
        assert judge.heard[1].findings == ["near_duplicate"]
        assert judge.heard[1].note == "like a.jpg"


def test_different_pictures_are_not_alike() -> None:
    judge = Judge(PLAN)
    for number in range(150):
        judge.hear(seen(f"{number}.jpg", encoded(photo(number))))
    picture = photo(0)
    for name, other in (
        ("mirrored", picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
        ("in other colours", Image.merge("RGB", picture.split()[::-1])),
        ("gray", picture.convert("L")),
    ):
        judge.hear(seen(f"{name}.jpg", encoded(other)))
    assert [each.name for each in judge.heard if "near_duplicate" in each.findings] == []


def test_thousands_are_remembered() -> None:
    known = SimilarPictures()
    chance = np.random.default_rng(1)
    entries = [(chance.bytes(8).hex(), chance.bytes(48).hex()) for _ in range(3000)]
    for entry in entries:
        known.add(*entry)
    assert [known.find(*entries[index]) for index in (0, 1023, 1024, 2999)] == [0, 1023, 1024, 2999]
    assert known.find(chance.bytes(8).hex(), entries[0][1]) is None
    assert known.find(entries[0][0], chance.bytes(48).hex()) is None


def test_bits_are_counted_without_the_newest_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    known = SimilarPictures()
    known.add("00000000000000ff", "00" * 48)
    monkeypatch.delattr(np, "bitwise_count", raising=False)
    assert known.find("000000000000ffff", "00" * 48) == 0
    assert known.find("0000ffffffffffff", "00" * 48) is None


def test_a_new_judge_that_hears_the_same_decides_the_same() -> None:
    files = [encoded(photo(number % 5, 96 + number // 5 * 2, 64)) for number in range(15)] + [b"x", encoded(photo(3))]
    first, second = Judge(PLAN), Judge(PLAN)
    said, lines = [], []
    for number, data in enumerate(files):
        one = seen(f"{number}.jpg", data)
        said.append(first.hear(one))
        lines.append(json.dumps(one.to_json()))
    assert [second.hear(Looked.from_json(json.loads(line))) for line in lines] == said
    assert [each.findings for each in second.heard] == [each.findings for each in first.heard]


def test_only_some_thumbnails_are_kept() -> None:
    judge = Judge(PLAN)
    data = encoded(photo(1).convert("L"))
    for number in range(THUMBNAILS + 3):
        judge.hear(seen(f"{number}.jpg", data))
    assert len(judge.thumbnails["gray"]) == THUMBNAILS
    assert all(each.small is None for each in judge.heard)


def test_limits_hold_for_what_is_only_known_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNWAY_LAB_DATASET_IMAGES", "2")
    judge = Judge(PLAN, "film.mp4")
    judge.hear(Looked("notes.txt", findings=["other"]))
    for number in range(2):
        judge.hear(seen(f"{number}.jpg", encoded(photo(number))))
    with pytest.raises(BadValue, match="film.mp4 has more pictures than the 2"):
        judge.hear(seen("3.jpg", encoded(photo(3))))
