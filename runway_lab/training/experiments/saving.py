"""A kept checkpoint becomes a model: in the library, with a card, in the shared folder, or as a bundle to hand on.

The card says what a person would want to know years later: which pictures it learned from and under which licence, what
it started from, for how many steps, on what, how good it was found. It names the code that draws with any StyleGAN, so
the model runs by its id, and is a choice of the option `checkpoint` of `stylegan/any` as well.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import tempfile
import zipfile
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runway_lab.cards import Attribution, CardFile, Characteristics, Licence, ModelCard, Picture, Run
from runway_lab.cards.rules import is_spdx
from runway_lab.errors import BadValue
from runway_lab.library import add_model, share_model
from runway_lab.library.atomic import in_words, temporary
from runway_lab.training.experiments.headers import recipe_of
from runway_lab.training.experiments.words import duration, slug

if TYPE_CHECKING:
    from runway_lab.training.experiments.experiment import Experiment
    from runway_lab.training.experiments.reading import Kept

__all__ = ["GROUP", "export", "licence_of", "save", "share"]

GROUP = "yours"
WEIGHTS = "weights.safetensors"
SHEET = "gallery/samples.webp"
SINGLES = 4


def save(experiment: Experiment, name: str, kept: Kept, *, replace: bool = False) -> ModelCard:
    """Into the library, as `yours/<name>`."""
    with tempfile.TemporaryDirectory(prefix="runway-lab-") as place:
        _fill(Path(place), experiment, name, kept)
        return add_model(place, replace=replace)


def share(experiment: Experiment, name: str, kept: Kept, *, by: str = "", replace: bool = False) -> ModelCard:
    """Into the shared folder, as `shared/<name>`."""
    with tempfile.TemporaryDirectory(prefix="runway-lab-") as place:
        _fill(Path(place), experiment, name, kept)
        return share_model(place, by=by, replace=replace)


def export(experiment: Experiment, path: Path, kept: Kept) -> Path:
    """As a zip. Unpacked into the library's folder `models/<anything>`, it is a model there."""
    if path.suffix.lower() != ".zip":
        raise BadValue(f"A bundle cannot be called {path.name!r}.", hint="Choose a name that ends in .zip.")
    path = path.expanduser().absolute()
    name = slug(experiment.title)
    with tempfile.TemporaryDirectory(prefix="runway-lab-") as place, in_words(path):
        _fill(Path(place), experiment, experiment.title, kept)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = temporary(path)
        try:
            with zipfile.ZipFile(draft, "x", zipfile.ZIP_DEFLATED, compresslevel=1) as bundle:
                for file in sorted(Path(place).rglob("*")):
                    if file.is_file():
                        bundle.write(file, f"{name}/{file.relative_to(place).as_posix()}")
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    return path


def _fill(folder: Path, experiment: Experiment, name: str, kept: Kept) -> ModelCard:
    """A model's folder: weights, card, gallery, licence."""
    with in_words(folder):
        shutil.copyfile(kept.path, folder / WEIGHTS)
        (folder / "gallery").mkdir()
        gallery = _gallery(folder, experiment, kept.step)
        card = _card(experiment, name, kept.step, recipe_of(kept.path), folder / WEIGHTS, gallery)
        (folder / "licence.txt").write_text(_licence_text(card), encoding="utf-8")
    return card.write(folder)


def _gallery(folder: Path, experiment: Experiment, step: int) -> tuple[Picture, ...]:
    """The samples of the step, or of the nearest that has some; the sheet is the cover."""
    with contextlib.suppress(BadValue):
        shown = min(experiment.samples, key=lambda each: abs(each - step), default=step)
        experiment.sample(shown).save(folder / SHEET, quality=92)
        pictures = [Picture(SHEET, f"Samples after {shown:,} steps")]
        for index in range(SINGLES):
            name = f"gallery/sample-{index}.png"
            try:
                experiment.sample(shown, index).save(folder / name)
            except BadValue:
                break
            pictures.append(Picture(name, f"Seed {index}"))
        return tuple(pictures)
    return ()


def _card(
    experiment: Experiment, name: str, step: int, recipe: dict[str, Any], weights: Path, gallery: tuple[Picture, ...]
) -> ModelCard:
    plan = experiment.plan
    data, start = plan.dataset, str(plan.start.get("name", ""))
    title, pictures = str(data.get("title", "")), data.get("count")
    size = f"{data.get('width', '?')} x {data.get('height', '?')}"
    facts = {
        "Learned from": f"{title}{f', {pictures:,} pictures' if isinstance(pictures, int) else ''}, {size}",
        "Started from": start or "nothing",
        "Steps": f"{step:,}",
        "Pictures seen": f"{recipe['images']:,}" if isinstance(recipe.get("images"), int) else "",
        "Time": duration(recipe["seconds"]) if isinstance(recipe.get("seconds"), (int, float)) else "",
        "On": str(recipe.get("hardware", "")),
        **_measured(experiment, step),
        "Experiment": f"{plan.title} ({experiment.id})",
    }
    weight = weights.stat().st_size
    return ModelCard(
        id=f"{GROUP}/{slug(name)}",
        title=name,
        category="generate",
        tagline=f"Trained here on {title or 'own pictures'}, {f'starting from {start}' if start else 'from nothing'}.",
        keywords=("stylegan", "latent space", "trained here"),
        overview="\n".join(f"- **{key}**: {value}" for key, value in facts.items() if value) + "\n",
        learned_from=_learned_from(data),
        limits="It draws what it has learned from, and little else. What it draws may resemble what it has seen.",
        licence=licence_of(plan),
        characteristics=Characteristics(
            published=date.today(),
            inputs=("vector", "image", "number"),
            outputs=("image", "vector"),
            memory_mb=round(600 + 4 * weight / 1e6),
        ),
        run=Run(entry="runway_lab.models.stylegan"),
        attributions=(Attribution(name="runway-lab", role="network and training"),),
        gallery=gallery,
        files=(CardFile(name=WEIGHTS, size=weight, sha256=_sha256(weights)),),
    )


def _measured(experiment: Experiment, step: int) -> dict[str, str]:
    """What was found of the samples nearest to a step."""
    rows = [row for row in experiment.measures if isinstance(row.get("step"), int)]
    if not rows:
        return {}
    row = min(rows, key=lambda each: abs(each["step"] - step))
    numbers = {name: value for name, value in row.items() if name != "step" and isinstance(value, (int, float))}
    named = ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in numbers.items())
    return {"Measured": f"{named} (step {row['step']:,}, few samples)"}


def _learned_from(data: dict[str, Any]) -> str:
    card = data.get("card", {})
    lines = [str(data.get("title") or data.get("name") or "Pictures of which nothing was noted.")]
    for name, words in (("source", "Where they come from"), ("licence", "Licence"), ("consent", "Consent")):
        if card.get(name):
            lines.append(f"{words}: {card[name]}")
    return "\n\n".join(lines) + "\n"


def licence_of(plan: Any) -> Licence:
    """What holds for the weights of an experiment, and so for what starts from them: an id where one alone does."""
    of_pictures, of_start = str(plan.dataset.get("licence", "")), str(plan.start.get("licence", ""))
    more = str(plan.start.get("licence_note", ""))
    known = of_start or ("" if more else "no licence is known")
    parts = [
        f"The pictures it learned from: {of_pictures or 'no licence was noted; ask whoever made them'}.",
        f"What it started from ({plan.start.get('name')}): {f'{known}. {more}' if known else more}".strip()
        if plan.start
        else "",
        f"{'Both hold' if plan.start else 'It holds'} for these weights, and often for what they draw.",
    ]
    # Only where nothing else has a say the licence of the pictures is that of the weights.
    alone = of_pictures if of_pictures and of_start in ("", of_pictures) and not (plan.start and not of_start) else ""
    return Licence(id="" if is_spdx(alone) else alone, note=" ".join(part for part in parts if part))


def _licence_text(card: ModelCard) -> str:
    return "\n\n".join(part for part in (card.title, card.licence.id, card.licence.note, card.learned_from) if part)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
