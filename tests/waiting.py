"""Waiting for what another thread or a page does."""

import time


def wait_for(condition, seconds: float = 60.0, otherwise: str = "it did not happen"):
    """What ``condition()`` gives as soon as it is true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"not within {seconds:g} s: {otherwise}")
