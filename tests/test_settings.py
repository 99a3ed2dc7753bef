"""Settings: where they come from, in which order, and what is said to a bad one."""

from __future__ import annotations

from pathlib import Path

import pytest

from runway_lab.errors import BadValue
from runway_lab.settings import Settings, home, settings


def write(text: str | bytes) -> Path:
    path = home() / "settings.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return path


def test_without_a_word_the_defaults_hold() -> None:
    assert settings() == Settings()


def test_the_environment_counts_more_than_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    write("models_at_once = 3\nidle_minutes = 2.5\nwarm_spare = false\ndownloads = '/there'\n")
    assert settings() == Settings(models_at_once=3, idle_minutes=2.5, warm_spare=False, downloads="/there")
    monkeypatch.setenv("RUNWAY_LAB_MODELS_AT_ONCE", " 7 ")
    monkeypatch.setenv("RUNWAY_LAB_WARM_SPARE", "Yes")
    monkeypatch.setenv("RUNWAY_LAB_DOWNLOADS", "/here")
    assert settings() == Settings(models_at_once=7, idle_minutes=2.5, warm_spare=True, downloads="/here")
    # An empty variable is how a shell says "not given".
    monkeypatch.setenv("RUNWAY_LAB_MODELS_AT_ONCE", "")
    assert settings().models_at_once == 3


def test_a_change_counts_from_the_next_look_on() -> None:
    write("models_at_once = 3")
    assert settings().models_at_once == 3
    write("models_at_once = 4").touch()
    assert settings().models_at_once == 4
    (home() / "settings.toml").unlink()
    assert settings().models_at_once == 5


def test_a_whole_number_may_stand_for_a_float_and_types_are_kept() -> None:
    write("idle_minutes = 3\nmodels_at_once = 3.0")
    assert type(settings().idle_minutes) is float
    assert type(settings().models_at_once) is int
    assert settings().idle_minutes == 3


@pytest.mark.parametrize("word", ["1", "true", "YES", "on"])
def test_switches_are_read_as_people_write_them(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write("warm_spare = false")
    monkeypatch.setenv("RUNWAY_LAB_WARM_SPARE", word)
    assert settings().warm_spare is True
    opposite = {"1": "0", "true": "FALSE", "YES": "no", "on": "off"}[word]
    monkeypatch.setenv("RUNWAY_LAB_WARM_SPARE", opposite)
    assert settings().warm_spare is False


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("models_at_once", "many"),
        ("models_at_once", "0"),
        ("models_at_once", "-1"),
        ("models_at_once", "2.5"),
        ("models_at_once", "1e400"),
        ("experiments_at_once", "0"),
        ("most_steps", "0"),
        ("resume_seconds", "0"),
        ("hung_seconds", "0.5"),
        ("idle_minutes", "nan"),
        ("idle_minutes", "inf"),
        ("idle_minutes", "-0.1"),
        ("warm_spare", "maybe"),
        ("max_message_mb", "0"),
        ("max_image_megapixels", "0"),
        ("memory_reserve_mb", "x" * 10_000),
    ],
)
def test_a_bad_variable_is_named_with_what_is_allowed(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    variable = f"RUNWAY_LAB_{name.upper()}"
    monkeypatch.setenv(variable, value)
    with pytest.raises(BadValue) as caught:
        settings()
    said = str(caught.value)
    assert name in said
    assert variable in said
    assert "Allowed: " in said
    assert f"the default is {getattr(Settings(), name)!r}" in said
    assert len(said) < 400


@pytest.mark.parametrize(
    "line",
    [
        "models_at_once = true",
        "models_at_once = 2.5",
        "models_at_once = [5]",
        "models_at_once = inf",
        "idle_minutes = nan",
        "idle_minutes = 2020-01-01",
        "warm_spare = 2",
        "downloads = 5",
        "downloads = ['/a']",
    ],
)
def test_a_bad_line_names_the_file_it_stands_in(line: str) -> None:
    path = write(line)
    with pytest.raises(BadValue) as caught:
        settings()
    assert str(path) in str(caught.value)
    assert line.partition(" ")[0] in str(caught.value)


@pytest.mark.parametrize("text", ["models_at_once = ", "a = 1\na = 2", b"\xff\xfe", "\0"])
def test_a_damaged_file_is_said_so(text: str | bytes) -> None:
    path = write(text)
    with pytest.raises(BadValue) as caught:
        settings()
    assert str(path) in str(caught.value)
    assert "Mend it or remove it" in str(caught.value)


def test_a_folder_in_place_of_the_file_is_said_so() -> None:
    (home() / "settings.toml").mkdir(parents=True)
    with pytest.raises(BadValue, match="cannot be read"):
        settings()


def test_what_another_version_may_know_is_left_alone() -> None:
    write("models_at_once = 2\nsomething_new = 1\n[tables]\na = 1")
    assert settings() == Settings(models_at_once=2)


def test_home_is_where_it_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RUNWAY_LAB_HOME", str(tmp_path))
    assert home() == tmp_path
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUNWAY_LAB_HOME", "library")
    assert home() == tmp_path / "library"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("RUNWAY_LAB_HOME", "~/mine")
    assert home() == tmp_path / "mine"
    monkeypatch.delenv("RUNWAY_LAB_HOME")
    assert home().name == "runway-lab"
    assert home().is_absolute()
