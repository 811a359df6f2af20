"""Any generator of records, living in a thread: for experiments that are no single training run."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

_players: dict[str, Player] = {}
_registering = threading.Lock()


class Player:
    """Draws records from a generator in a daemon thread; at most one for each name, as for :class:`Run`.

    Args:
        make: makes the generator; called at the first start and again after every reset.
        on_record: called in the player's thread with each record.
        name: a player of the same name is closed and replaced.

    Attributes:
        state: "ready", "running", "paused", "finished" or "failed".
        message: why it failed, one line.
        pace: the most records a second; None: as many as there can be.
        listeners: called with the player at every change of state.
    """

    def __init__(self, make: Callable[[], Iterator[Any]], on_record: Callable[[Any], object], *, name: str):
        self.make, self.on_record, self.name = make, on_record, name
        self.listeners: list[Callable[[Player], None]] = []
        self.state, self.message = "ready", ""
        self.pace: float | None = None
        self._condition = threading.Condition()
        self._wanted = "pause"
        self._thread: threading.Thread | None = None
        with _registering:
            old, _players[name] = _players.get(name), self
        if old is not None:
            old.close()

    def start(self) -> None:
        """Go on, from the beginning or from a pause.  Does nothing while running or after the end."""
        with self._condition:
            if self.state in ("finished", "failed") or self._wanted == "stop":  # an end asked for is not taken back
                return
            self._wanted = "run"
            if self._thread is None:
                # In a context of its own: prints and tracebacks would land in whichever cell ran last.
                context = contextvars.copy_context()
                self._thread = threading.Thread(
                    target=context.run, args=(self._play,), name=f"player {self.name}", daemon=True
                )
                self._thread.start()
            self._condition.notify_all()

    def pause(self) -> None:
        """Finish the record in hand, then wait."""
        with self._condition:
            if self._thread is not None and self._wanted == "run":
                self._wanted = "pause"
                self._condition.notify_all()

    def reset(self) -> None:
        """Forget the generator; the next start makes a new one.  Waits for the record in hand."""
        self._end()
        self._wanted = "pause"

    def close(self) -> None:
        """Stop for good and forget the listeners.  Waits for the record in hand."""
        self.listeners.clear()
        self._end()
        with _registering:
            if _players.get(self.name) is self:
                del _players[self.name]

    def _end(self) -> None:
        with self._condition:
            thread, self._wanted = self._thread, "stop"
            self._condition.notify_all()
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        self._thread = None
        self._tell("ready")

    def _play(self) -> None:
        try:
            self._tell("running")
            began = time.monotonic()
            for record in self.make():
                if self._wanted == "stop":
                    return
                self.on_record(record)
                with self._condition:
                    left = 0.0 if self.pace is None else began + 1 / self.pace - time.monotonic()
                    self._condition.wait_for(lambda: self._wanted != "run", max(0.0, left))
                began = time.monotonic()
                if self._wanted == "pause":
                    self._tell("paused")
                    with self._condition:
                        self._condition.wait_for(lambda: self._wanted != "pause")
                    if self._wanted == "stop":
                        return
                    self._tell("running")
            self._tell("finished")
        except Exception as error:
            self._tell("failed", f"{type(error).__name__}: {error}")

    def _tell(self, state: str, message: str = "") -> None:
        self.state, self.message = state, message
        for listener in tuple(self.listeners):
            listener(self)
