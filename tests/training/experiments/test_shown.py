"""An experiment in a notebook."""

from __future__ import annotations

import base64
import io
import re

from PIL import Image

from runway_lab.training.experiments.experiment import Experiment
from runway_lab.training.experiments.shown import page, sheet


def test_it_shows_title_state_progress_and_the_newest_samples(done: Experiment) -> None:
    shown = page(done)
    assert "Petals" in shown
    assert "finished" in shown
    assert "step 60 of 60" in shown
    assert "width:100.0%" in shown
    found = re.search(r'src="data:image/webp;base64,([^"]+)"', shown)
    assert found is not None
    picture = Image.open(io.BytesIO(base64.b64decode(found[1])))
    assert picture.size == done.sample().size


def test_nothing_a_person_wrote_becomes_html(done: Experiment) -> None:
    done.rename("<script>alert(1)</script>")
    for shown in (page(done), sheet([done])):
        assert "<script" not in shown
        assert "&lt;script&gt;" in shown


def test_damage_is_shown_and_not_raised(done: Experiment) -> None:
    (done.folder / "experiment.json").write_text("{")
    fresh = Experiment(done.folder)
    assert "cannot be read" in page(fresh)
    assert "cannot be read" in sheet([fresh])


def test_a_damaged_sheet_is_left_out(done: Experiment) -> None:
    (done.folder / "samples" / f"step-{done.samples[-1]:06d}.webp").write_bytes(b"half")
    assert "<img" not in page(done)
    assert "finished" in page(done)
