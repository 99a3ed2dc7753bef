"""What every test stands on: a library folder of its own, and a real browser for those that ask for one."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "test-results"

# Chromium as root needs --no-sandbox; without the others it looks up addresses outside at every start.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]


def pytest_configure(config: pytest.Config) -> None:
    """Point the library at an empty folder before any test module is imported: nobody's own library is touched."""
    folder = tempfile.mkdtemp(prefix="runway-lab-tests-")
    os.environ["RUNWAY_LAB_HOME"] = folder
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


@pytest.fixture(autouse=True)
def _own_library(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test starts with a library that is empty."""
    monkeypatch.setenv("RUNWAY_LAB_HOME", str(tmp_path_factory.mktemp("library") / "home"))


@pytest.fixture(scope="session")
def setup_script() -> ModuleType:
    """`scripts/setup.py`, which is not part of the package."""
    spec = importlib.util.spec_from_file_location("runway_lab_setup", ROOT / "scripts/setup.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def chromium(setup_script: ModuleType) -> Iterator[Any]:
    """A Chromium under Playwright. `make test` brings one; pytest alone takes one that is there, or fails in words."""
    from playwright.sync_api import sync_playwright

    search = setup_script.BrowserSearch(Path(sys.executable))
    path = search.find()
    if path is None:
        pytest.fail(search.what_to_type(), pytrace=False)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A fresh window without cookies; when the test fails, what was on it is kept in test-results/."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: said.append(f"error: {error}"))
    yield page
    if getattr(request.node, "failed", False):
        RESULTS.mkdir(exist_ok=True)
        name = re.sub(r"[^\w.-]+", "-", request.node.nodeid)
        page.screenshot(path=RESULTS / f"{name}.png")
        (RESULTS / f"{name}.log").write_text("\n".join(said), encoding="utf-8")
    context.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report = yield
    if report.failed and report.when == "call":
        item.failed = True  # type: ignore[attr-defined]
    return report
