"""What every room's tests share: the same draws in every run, and is the data here?  Tests never download it."""

import pytest
import torch
from hypothesis import settings

from lessons_lib.corpora import download

# What passes once passes again.  `pytest --hypothesis-profile=default` looks for new examples.
settings.load_profile("ci")


def pytest_runtest_setup() -> None:
    torch.manual_seed(0)


def _skip_without(name: str, *files: download.DataFile) -> None:
    if not download.available(*files):
        pytest.skip(f"{name} is not on this machine: set LESSONS_DATA_DIR, or load it once with a network")


@pytest.fixture(scope="session")
def wikitext2_present() -> None:
    """Skips the test when WikiText-2 would have to be downloaded."""
    _skip_without("WikiText-2", *download.WIKITEXT2.values())


@pytest.fixture(scope="session")
def jsb_chorales_present() -> None:
    """Skips the test when the JSB chorales would have to be downloaded."""
    _skip_without("The JSB chorales file", download.JSB_CHORALES)


@pytest.fixture(scope="session")
def browser(chromium: str):
    """One browser for all tests: Playwright runs once in a process."""
    from playwright.sync_api import sync_playwright

    from tests.browser.lab import CHROMIUM_FLAGS

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()
