"""A model that was promised when a training began (`--save`, `save=`): saved when it ends, whoever still looks.

The name is kept in the plan, and its supervisor saves when the training is finished or stopped. A name that is taken is
refused at the beginning; one that was taken meanwhile leaves a line in the diary, and nothing is lost: the checkpoint
is still there.
"""

from __future__ import annotations

from runway_lab.errors import BadValue, RunwayLabError, shorten
from runway_lab.training.experiments import states
from runway_lab.training.experiments.folder import Folder
from runway_lab.training.experiments.plan import Plan
from runway_lab.training.experiments.words import slug

__all__ = ["check_name", "keep"]


def check_name(name: object, *, taken: bool = False) -> str:
    """A name for a model of one's own; with `taken=False` one that nothing has yet."""
    from runway_lab.library import models
    from runway_lab.training.experiments.saving import GROUP

    if not isinstance(name, str) or not name.strip() or "/" in name or "\\" in name:
        raise BadValue(
            f"A model of yours cannot be called {shorten(name)}.",
            hint=f"Give a name without slashes: it goes to your models, as {GROUP}/<name>.",
        )
    if not taken and any(card.id == f"{GROUP}/{slug(name)}" for card in models()):
        raise BadValue(f"The library has a model '{GROUP}/{slug(name)}' already.", hint="Choose another name for it.")
    return name.strip()


def keep(folder: Folder) -> None:
    """Saves the newest checkpoint where that was promised and the training has ended. A failed one is not saved."""
    from runway_lab.training.experiments.experiment import Experiment

    name = Plan.read(folder).save_as
    experiment = Experiment(folder.root)
    if not name or states.read(folder).name not in ("finished", "stopped") or not experiment.checkpoints:
        return
    try:
        words = f"Saved to your models as {experiment.save(name).id}."
    except RunwayLabError as error:
        words = f"It could not be saved to your models as {name!r}. {error}"
    states.tell(folder, words, kind="saved")
    Plan.change(folder, save_as="")
