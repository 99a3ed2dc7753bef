"""By whatever name a model is called, its code is found; what is no model is told in words."""

from __future__ import annotations

import threading

import pytest
from support.cells import cell

import runway_lab as rl
from runway_lab.engine.source import find
from runway_lab.errors import BadValue, StartFailed, Unknown


def test_a_function_of_a_cell_goes_by_value(echo):
    source = find(echo["same"])
    assert source.name == "same"
    assert source.code["value"] == 0
    assert "def same(image)" in "".join(source.code["source"].values())
    assert source.definition is not None
    assert list(source.definition.commands)[:2] == ["same", "say"]


def test_a_plain_function_is_no_model():
    with pytest.raises(BadValue, match="@command"):
        find(lambda image: image)


def test_what_cannot_be_carried_is_told():
    space = cell("""
        import threading
        lock = threading.Lock()

        @rl.command(outputs={"fine": Boolean()})
        def look():
            return lock.locked()
    """)
    assert isinstance(space["lock"], type(threading.Lock()))
    with pytest.raises(StartFailed, match="cannot be carried to its own process.*@setup"):
        find(space["look"])


def test_nothing_by_that_name(tmp_path):
    with pytest.raises(Unknown, match="no model 'upscael/x2'"):
        find("upscael/x2")
    with pytest.raises(Unknown, match="no model 'nothing.py', and no such file"):
        find("nothing.py")
    with pytest.raises(Unknown, match="holds no model"):
        find(tmp_path)
    with pytest.raises(Unknown, match="42 is no model"):
        find(42)


def test_a_card_by_its_id():
    source = find("upscale/x2")
    assert source.code["module"] == "runway_lab.models.upscale"
    assert source.card is not None
    assert find(source.card).name == "upscale/x2"


def test_a_folder_with_a_card(tmp_path):
    card = rl.catalog.card("upscale/x2")
    text = (card.folder / "upscale-x2.toml").read_text(encoding="utf-8")
    text = text.replace("runway_lab.models.upscale", "model.py").replace('id = "upscale/x2"', 'id = "mine/one"')
    (tmp_path / "card.toml").write_text(text[: text.index("[[gallery]]")] + text[text.index("[characteristics]") :])
    (tmp_path / "model.py").write_text("")
    assert find(tmp_path).code["file"] == str(tmp_path / "model.py")
