"""The site, built once and served on loopback."""

import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """Run docs/build.py."""
    return subprocess.run(
        [sys.executable, str(ROOT / "docs" / "build.py"), *words], cwd=ROOT, capture_output=True, text=True, check=False
    )


def built(*words: str) -> None:
    """Run docs/build.py, which succeeds."""
    build = run(*words)
    assert build.returncode == 0, build.stdout + build.stderr


class Quiet(SimpleHTTPRequestHandler):
    def log_request(self, *details) -> None:
        """Says nothing of a request that was answered."""


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """Address of this folder on a free loopback port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("built") / "site"
    built("site", "--target", str(folder))
    return folder


@pytest.fixture(scope="session")
def address(site) -> Iterator[str]:
    with served(site) as address:
        yield address


class Visit:
    """A page, and what went wrong on it."""

    def __init__(self, browser, address: str, width: int = 1366, height: int = 768) -> None:
        self.page = browser.new_page(viewport={"width": width, "height": height}, reduced_motion="reduce")
        self.wrong: list[str] = []
        self.page.on("pageerror", lambda error: self.wrong.append(f"{self.page.url}: {error}"))
        self.page.on("request", lambda request: self._note(request.url, address))

    def _note(self, url: str, address: str) -> None:
        if not url.startswith((f"{address}/", "data:", "blob:")):
            self.wrong.append(f"{self.page.url} asks for {url}")
