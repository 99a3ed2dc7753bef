"""Begins an experiment: from pictures, a start and settings to a folder of its own, in the queue.

The start is linked into the folder, or copied where that cannot be: what it came from may be thinned out or deleted
before training begins. All is checked before anything is written, and the folder appears whole or not at all.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runway_lab.errors import BadValue, RunwayLabError, Unknown, suggest
from runway_lab.library.atomic import new_folder
from runway_lab.library.places import path, place
from runway_lab.library.stylegans import ENDINGS
from runway_lab.training.experiments import checking, line, promised, states
from runway_lab.training.experiments.experiment import Experiment, check_steps
from runway_lab.training.experiments.folder import Folder
from runway_lab.training.experiments.headers import size_of
from runway_lab.training.experiments.plan import Budget, Plan
from runway_lab.training.experiments.preparing import DRAWN, lineage_of
from runway_lab.training.experiments.reading import Kept
from runway_lab.training.experiments.room import tell_pictures
from runway_lab.training.experiments.words import check_title, slug
from runway_lab.training.loop.settings import TrainingSettings

__all__ = ["begin", "described", "find_data", "find_start", "free_id"]


def begin(
    title: str,
    data: Any,
    start: Any = "",
    settings: Mapping[str, Any] | None = None,
    budget: Budget | None = None,
    *,
    prepare: Mapping[str, Any] | None = None,
    save_as: str = "",
    draft: bool = False,
) -> Experiment:
    """A new experiment, in the queue or training when this returns. `prepare` is for making a dataset of `data`.

    It is saved to the models as `save_as` when it ends. A `draft` waits until a person says `start()`.
    """
    title = check_title(title)
    if save_as:
        save_as = promised.check_name(save_as)
    chosen = TrainingSettings.of({**(settings or {}), "start": ""})
    check_steps(chosen.steps)
    checking.check_device(chosen.device)
    found, about, lineage = find_start(start)
    if found is not None:
        checking.check_start(found, about.get("name", found.name))
    dataset = find_data(data, prepare or {})
    if dataset.get("make_from") and found is not None and (size := size_of(found)):
        # What it starts from says how large its pictures are, where nobody else does.
        dataset["options"].setdefault("size", size)
    checking.check_size(dataset)
    if dataset.get("make_from") and not dataset["make_from"].startswith(DRAWN):
        checking.check_pictures(Path(dataset["make_from"]))
    plan = Plan(
        title=title,
        settings=chosen.to_json(),
        dataset=dataset,
        start=about,
        created=time.time(),
        lineage=[*lineage, lineage_of(dataset)],
        budget=budget or Budget(),
        save_as=save_as,
    )
    folder = _write(plan, found, draft)
    if not dataset.get("make_from"):
        tell_pictures(folder, plan)
    if draft:
        return Experiment(folder.root)
    if dataset.get("make_from"):
        line.start(folder)
    else:
        line.advance(folder)
    experiment = Experiment(folder.root)
    if experiment.state == "failed":
        status = experiment.status
        raise RunwayLabError(f"{title!r} could not be started. {status.why}", hint="", details=status.error)
    return experiment


def _write(plan: Plan, start: Path | None, wait: bool) -> Folder:
    """The folder, by a name that is free."""
    path("experiments")
    while True:
        folder = Folder(place("experiments") / free_id(plan.title))
        try:
            with new_folder(folder.root) as draft:
                made = Folder(draft)
                if start is not None:
                    name = f"start{start.suffix.lower()}"
                    _link(start, draft / name)
                    plan.start["file"] = name
                plan.write(made)
                name = "preparing" if plan.dataset.get("make_from") else "queued"
                why = "Its pictures are being prepared." if name == "preparing" else "It waits for its turn."
                if wait:
                    name, why = "draft", "It is not started yet."
                states.change(made, name, why, queued=time.time())
                made.words_lock.unlink(missing_ok=True)
        except RunwayLabError:
            # Another kernel may have taken the name in this moment.
            if folder.root.exists():
                continue
            raise
        return folder


def free_id(title: str) -> str:
    """A folder's name from a title, that nothing has yet."""
    wanted, number = slug(title), 1
    found = wanted
    while (place("experiments") / found).exists():
        number += 1
        found = f"{wanted}-{number}"
    return found


def find_start(start: Any) -> tuple[Path | None, dict[str, Any], list[Any]]:
    """The file to start from, what is said of it, and what it was made from."""
    if start is None or start == "":
        return None, {}, []
    if isinstance(start, tuple) and len(start) == 2 and isinstance(start[1], Kept):
        experiment, kept = start
        return _of_experiment(experiment, kept)
    if isinstance(start, Experiment):
        return _of_experiment(start, start.checkpoint())
    named = os.fspath(start).strip() if isinstance(start, (str, os.PathLike)) else ""
    if not named:
        raise BadValue(
            f"{start!r:.80} is nothing to start from.",
            hint="Give the id of a model, a file, an experiment, or nothing.",
        )
    file = Path(named).expanduser()
    if file.suffix.lower() in ENDINGS and file.is_file():
        return file.absolute(), {"name": file.name}, [{"title": file.name}]
    return _by_name(named)


def _by_name(name: str) -> tuple[Path, dict[str, Any], list[Any]]:
    from runway_lab import catalog, library
    from runway_lab.training.experiments.shelf import Experiments

    with contextlib.suppress(Unknown):
        card = catalog.card(name)
        files = [each for each in library.where(card).values() if each.suffix.lower() in ENDINGS]
        if not files:
            raise BadValue(f"{name!r} is no StyleGAN, so training cannot start from it.", hint="Choose another model.")
        if library.missing(card):
            raise BadValue(
                f"The weights of {name!r} are not on this machine yet.",
                hint=f"Get them with `runway-lab models get {name}` (the licence is shown first).",
            )
        about = {"title": card.title, "id": card.id, "licence": card.licence.id}
        return files[0], {"name": name, "licence": card.licence.id, "licence_note": card.licence.note}, [about]
    known = library.checkpoints()
    if name in known:
        return known[name], {"name": name}, [{"title": name}]
    experiments = Experiments()
    if name in experiments:
        found = experiments[name]
        return _of_experiment(found, found.checkpoint())
    if Path(name).expanduser().is_file():
        raise BadValue(f"{name!r} is no checkpoint to start from.", hint=f"Those end in {', '.join(ENDINGS)}.")
    names = dict.fromkeys([*(card.id for card in catalog.search("stylegan")), *known, *experiments])
    raise Unknown(f"There is nothing called {name!r} to start from, and no such file.", hint=suggest(name, names))


def _of_experiment(experiment: Experiment, kept: Kept) -> tuple[Path, dict[str, Any], list[Any]]:
    from runway_lab.training.experiments.saving import licence_of

    plan = experiment.plan
    name, licence = f"{plan.title}, step {kept.step}", licence_of(plan)
    about = {"name": name, "experiment": experiment.id, "step": kept.step}
    # What it started from itself has its say further on.
    about |= {"licence": licence.id, "licence_note": licence.note}
    return kept.path, about, [{"title": name, "experiment": experiment.id}]


def find_data(data: Any, prepare: Mapping[str, Any]) -> dict[str, Any]:
    """What is said of the pictures: those of a dataset, or where they are to be made from."""
    from runway_lab.training.datasets import Dataset

    if isinstance(data, Experiment):
        return dict(data.plan.dataset)
    if isinstance(data, (str, os.PathLike)):
        source = Path(data).expanduser().absolute()
        if not source.exists() or not prepare:
            with contextlib.suppress(Unknown):
                dataset = Dataset.open(data)
                if prepare and not _same_size(dataset, prepare):
                    raise BadValue(
                        f"The dataset {dataset.name!r} is prepared already, as {dataset.width} x {dataset.height}.",
                        hint=f"Leave out {', '.join(prepare)}, or name the pictures themselves.",
                    )
                return described(dataset)
        if not source.exists():
            return _drawn(os.fspath(data), prepare)
        if "count" in prepare:
            raise BadValue("Of a folder all pictures are taken.", hint="A count is for pictures that code draws.")
        return {"make_from": str(source), "options": dict(prepare), "name": slug(source.stem), "title": source.stem}
    if data is None:
        raise BadValue("There are no pictures to learn from.", hint="Give a dataset, its name, or a folder.")
    return described(data)


def _same_size(dataset: Any, prepare: Mapping[str, Any]) -> bool:
    """Whether nothing but the size is asked for that it has."""
    return set(prepare) == {"size"} and prepare["size"] in (
        (dataset.height, dataset.width),
        [dataset.height, dataset.width],
        *([dataset.height] if dataset.height == dataset.width else []),
    )


def _drawn(name: str, prepare: Mapping[str, Any]) -> dict[str, Any]:
    """Pictures that code draws, by the name of their kind."""
    from runway_lab.training.drawn import kinds

    known = {each.name: each for each in kinds()}
    if name not in known:
        raise Unknown(
            f"There are no pictures called {name!r:.200}, and no dataset.",
            hint=f"Name a folder, an archive, a film, a dataset, or what code draws ({', '.join(known)}). "
            f"{suggest(name, [*_datasets(), *known])}",
        )
    odd = sorted(set(prepare) - {"size", "count", "seed"})
    if odd:
        raise BadValue(f"Drawn pictures have no {odd[0]}.", hint="They have a size, a count and a seed.")
    return {"make_from": DRAWN + name, "options": dict(prepare), "name": name, "title": known[name].title}


def _datasets() -> list[str]:
    from runway_lab.training.datasets import Dataset

    return [each.name for each in Dataset.all()]


def described(dataset: Any) -> dict[str, Any]:
    """What an experiment notes of a dataset."""
    card = dataset.card
    return {
        "name": str(dataset.name),
        "title": str(dataset.title or dataset.name),
        "folder": str(dataset.folder),
        "digest": str(dataset.digest),
        "count": len(dataset),
        "height": int(dataset.height),
        "width": int(dataset.width),
        "channels": int(dataset.channels),
        "card": {
            name: str(value) for name in ("source", "licence", "consent", "note") if (value := getattr(card, name, ""))
        },
        "licence": str(getattr(card, "licence", "")),
    }


def _link(source: Path, target: Path) -> None:
    try:
        os.link(os.path.realpath(source), target)
    except OSError:
        shutil.copyfile(source, target)
