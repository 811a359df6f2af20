from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.lab import LabNotebook, lab_server


@pytest.fixture(scope="session")
def lab_root(tmp_path_factory) -> Path:
    """The folder JupyterLab shows; tests write their notebooks here."""
    return tmp_path_factory.mktemp("lab")


@pytest.fixture(scope="session")
def lab_address(lab_root: Path, tmp_path_factory) -> Iterator[str]:
    with lab_server(lab_root, tmp_path_factory.mktemp("log") / "jupyterlab.log") as address:
        yield address


def _fresh_page(browser, address: str) -> Iterator[LabNotebook]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    notebook = LabNotebook(context.new_page(), address)
    yield notebook
    notebook.shut_down_kernels()
    context.close()


@pytest.fixture
def notebook(browser, lab_address) -> Iterator[LabNotebook]:
    """JupyterLab on a fresh page; its kernels end with the test."""
    yield from _fresh_page(browser, lab_address)


@pytest.fixture(scope="module")
def shared_notebook(browser, lab_address) -> Iterator[LabNotebook]:
    """The same for a file of tests, each of which goes on where the one before left the page."""
    yield from _fresh_page(browser, lab_address)
