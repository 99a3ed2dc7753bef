"""Where the library lies and how much of the machine may be used.

A setting comes from, in this order: the environment (`RUNWAY_LAB_HOME`, `RUNWAY_LAB_MODELS_AT_ONCE`, ...),
the file `settings.toml` in the library folder, and the default below. Everything reads `settings()` afresh, so
a changed file or variable counts from the next look on.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from runway_lab.errors import BadValue

__all__ = ["Settings", "home", "settings"]


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
    given = _from_file(home() / "settings.toml")
    for each in fields(Settings):
        text = os.environ.get(f"RUNWAY_LAB_{each.name.upper()}")
        if text is not None:
            given[each.name] = text
    return Settings(**{name: _convert(name, value) for name, value in given.items()})


def _from_file(path: Path) -> dict[str, Any]:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadValue(f"The settings file {path} cannot be read: {error}.", hint="Mend it or remove it.") from error
    known = {each.name for each in fields(Settings)}
    return {name: value for name, value in data.items() if name in known}


def _convert(name: str, value: Any) -> Any:
    kind = type(getattr(Settings(), name))
    try:
        if kind is bool and isinstance(value, str):
            return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[value.lower()]
        converted = kind(value)
    except (KeyError, TypeError, ValueError) as error:
        raise BadValue(
            f"The setting {name} is {value!r}, which is not a {kind.__name__}.",
            hint=f"The default is {getattr(Settings(), name)!r}.",
        ) from error
    if kind in (int, float) and converted < 0:
        raise BadValue(f"The setting {name} is {value!r}, which is below zero.", hint="Give zero or more.")
    return converted
