"""Every notebook that ships runs from a clean kernel, from its first cell to its last, and shows what it promises."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").rglob("*.ipynb"))


def run(path: Path, folder: Path) -> Any:
    """The notebook with its outputs; the first error of a cell is raised."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(folder)}})
    return client.execute()


def outputs(notebook: Any, cell: str) -> list[Any]:
    return next(each for each in notebook.cells if each.id == cell).outputs


def kinds(notebook: Any, cell: str) -> set[str]:
    return {kind for output in outputs(notebook, cell) for kind in output.get("data", {})}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def test_it_ships_without_outputs(path):
    for cell in nbformat.read(path, as_version=4).cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def test_it_runs_and_shows_what_it_promises(path, tmp_path):
    PROMISES.get(path.stem, lambda notebook: None)(run(path, tmp_path))


def tour(notebook: Any) -> None:
    html = "".join(output["data"]["text/html"] for output in outputs(notebook, "catalog") if "data" in output)
    for name in ("generate/planets", "identify/shapes", "upscale/x2"):
        assert name in html
    assert html.count("<img") >= 3
    assert "text/html" in kinds(notebook, "planets")
    assert "image/png" in kinds(notebook, "upscale")
    assert "image/png" in kinds(notebook, "shapes")
    assert "text/html" in kinds(notebook, "poster")
    assert "Did you mean 'image'?" in outputs(notebook, "mistake")[0]["text"]
    assert outputs(notebook, "all")[0]["data"]["text/plain"] == "4"


PROMISES = {"tour": tour}
