"""What all tests share, notebooks under nbval included: a loopback to talk over, and a browser to drive."""

import os
import shutil
import socket
import struct
import sys

import pytest

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1  # <linux/sockios.h>, <linux/if.h>


def chromium_path() -> str | None:
    """A browser that can be driven: BROWSER_PATH, else the first known name on the path."""
    found = os.environ.get("BROWSER_PATH") or next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    return found if found and os.path.exists(found) else None


def raise_loopback() -> None:
    """Bring Linux's loopback interface up where it is down, as it is in a fresh network namespace (`unshare -n`).

    A kernel and its client talk over 127.0.0.1, network or not.  OSError where that is not allowed.
    """
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        request = struct.pack("16sh22x", b"lo", 0)
        (flags,) = struct.unpack("16xh22x", fcntl.ioctl(probe, SIOCGIFFLAGS, request))
        if not flags & IFF_UP:
            fcntl.ioctl(probe, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags | IFF_UP))


def pytest_configure(config: pytest.Config) -> None:
    if sys.platform == "linux":
        try:
            raise_loopback()
        except OSError as error:
            raise pytest.UsageError(f"the loopback interface is down and cannot be raised: {error}") from error


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long come first, so that workers which take a whole file at a time end together."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}

    def rank(item: pytest.Item) -> int:
        if item.path in slow:
            return 0
        return 1 if item.get_closest_marker("browser") or item.path.suffix == ".ipynb" else 2

    items.sort(key=rank)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("browser") and chromium_path() is None:
        reason = "no chromium was found: install one, or name it in BROWSER_PATH"
        if os.environ.get("LESSONS_REQUIRE_BROWSER") == "1":
            pytest.fail(f"LESSONS_REQUIRE_BROWSER=1, and {reason}", pytrace=False)
        pytest.skip(reason)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the browser that the `browser` tests drive."""
    path = chromium_path()
    if path is None:
        pytest.skip("no chromium was found: install one, or name it in BROWSER_PATH")
    return path
