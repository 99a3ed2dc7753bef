"""Where the library lies and how much of the machine may be used.

A setting comes from, in this order: the environment (`RUNWAY_LAB_HOME`, `RUNWAY_LAB_MODELS_AT_ONCE`, ...),
the file `settings.toml` in the library folder, and the default below. Everything reads `settings()` afresh, so
a changed file or variable counts from the next look on.
"""

from __future__ import annotations

import contextlib
import math
import os
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from runway_lab.errors import BadValue, shorten

__all__ = ["Settings", "home", "settings"]

SWITCHES = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
KINDS: dict[type, str] = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
LEAST = {
    "dataset_gb": 0.001,
    "dataset_images": 1,
    "experiments_at_once": 1,
    "hung_seconds": 1,
    "max_image_megapixels": 0.01,
    "max_message_mb": 1,
    "models_at_once": 1,
    "most_steps": 1,
    "resume_seconds": 0.1,
}
"""The least that makes sense, where that is not zero."""


@dataclass(frozen=True)
class Settings:
    """The limits that hold on this machine."""

    models_at_once: int = 5
    """How many models may run at the same time, all kernels together."""

    idle_minutes: float = 10.0
    """A model that nobody asks anything for so long is put to sleep; the next query wakes it. 0: never."""

    warm_spare: bool = True
    """Keep one process with torch already loaded, so that the next start is quick."""

    warm_spare_memory_gb: float = 4.0
    """No warm spare on a machine with less memory than this."""

    memory_reserve_mb: int = 400
    """So much memory stays free when a model is started."""

    max_message_mb: int = 512
    """The largest message a model may send or be sent."""

    max_image_megapixels: float = 100.0
    """The largest picture that is opened."""

    dataset_images: int = 25_000
    """The most pictures a dataset is made of."""

    dataset_gb: float = 5.0
    """How large these pictures may be, all their files together."""

    experiments_at_once: int = 5
    """How many experiments may train at the same time, one on each device; the others wait in a queue."""

    most_steps: int = 25_000
    """As many steps as one experiment may have."""

    resume_seconds: float = 60.0
    """So often a training saves all it needs to go on, where that takes less than a twentieth of the time."""

    hung_seconds: float = 120.0
    """A trainer that gives no sign of life and computes nothing for so long is started again."""

    inception: str = ""
    """A file of Inception weights for the FID, when not those that were fetched."""

    shared: str = ""
    """A folder that several people share models in, such as one on a class's network drive; none by default."""

    downloads: str = ""
    """Where downloaded weights are kept, when not in the library folder."""


def home() -> Path:
    """The library folder: `RUNWAY_LAB_HOME`, else the platform's place for a person's data."""
    chosen = os.environ.get("RUNWAY_LAB_HOME", "")
    if chosen:
        return Path(chosen).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_data_dir("runway-lab", appauthor=False))


def settings() -> Settings:
    """The settings in force now.

    >>> settings().models_at_once >= 1
    True
    """
    path = home() / "settings.toml"
    given = {name: (value, f"in {path}") for name, value in _from_file(path).items()}
    for each in fields(Settings):
        variable = f"RUNWAY_LAB_{each.name.upper()}"
        if os.environ.get(variable):
            given[each.name] = (os.environ[variable], f"in the environment, {variable}")
    return Settings(**{name: _convert(name, value, where) for name, (value, where) in given.items()})


def _from_file(path: Path) -> dict[str, Any]:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadValue(f"The settings file {path} cannot be read: {error}.", hint="Mend it or remove it.") from error
    known = {each.name for each in fields(Settings)}
    return {name: value for name, value in data.items() if name in known}


def _convert(name: str, value: Any, where: str) -> Any:
    """A setting in its proper type; words where it has none. What stands in the environment is always text."""
    default = getattr(Settings(), name)
    kind, least = type(default), LEAST.get(name, 0)
    text = value.strip() if isinstance(value, str) else value
    converted: Any = None
    if kind is bool:
        converted = SWITCHES.get(text.lower()) if isinstance(text, str) else text if isinstance(text, bool) else None
    elif kind is str:
        converted = text if isinstance(text, str) else None
    elif not isinstance(text, bool):
        with contextlib.suppress(OverflowError, TypeError, ValueError):
            number = float(text)
            fine = math.isfinite(number) and number >= least and (kind is float or number.is_integer())
            converted = kind(number) if fine else None
    if converted is None:
        raise BadValue(
            f"The setting {name} ({where}) cannot be {shorten(value)}.",
            hint=f"Allowed: {KINDS[kind]}{f' of {least:g} or more' if kind in (int, float) else ''}; "
            f"the default is {default!r}.",
        )
    return converted
