"""A training generator living in a thread: start, pause, step, stop, reset, and settings that change meanwhile."""

from __future__ import annotations

import contextlib
import contextvars
import copy
import math
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import torch

from lessons_lib.corpora import Batches
from lessons_lib.models import Trainable
from lessons_lib.runs.history import History
from lessons_lib.runs.measurements import Measurements
from lessons_lib.runs.recording import Recording
from lessons_lib.runs.script import script
from lessons_lib.training import Mailbox, Settings, StepRecord, TrainingState, training_step
from lessons_lib.training.train import check_truncation

Factory = Callable[[], tuple[Trainable, Batches]]
Measure = Callable[[Any, Settings], Measurements]  # each knows the model it is made for

PUBLISH_SECONDS = 0.1
PROBE_SECONDS = 0.8  # at least one a second, with room for the step in between
PROBE_SHARE = 0.14  # of the thread's time, 0.16 of a training step; a dear probe runs less often
BACKGROUND = 5  # niceness of a run's thread
ENDED = ("finished", "stopped", "diverged", "failed")
# What a run begins from, and what it has become, apart from its name and who listens to it: both go over when one goes
# on where another was; a reset gives the own start back.
START = ("factory", "_first_settings", "steps", "seed", "optimizer", "probe", "twin")
BELONGINGS = (
    *("_mailbox", "_training", "_twin", "_measuring", "_error", "history", "message", "traceback"),
    *("_first_used", "_used", "_threads"),
)

_registry: dict[str, Run] = {}
_registering = threading.Lock()


@dataclass
class _Measuring:
    """A measurement under way."""

    began: float  # monotonic, s
    parts: Iterator[Measurements]
    found: Measurements = field(default_factory=Measurements)
    seconds: float = 0.0  # spent on it so far


def _threads() -> int:
    """How many threads a run computes with."""
    return max(1, min(torch.get_num_threads(), (os.cpu_count() or 2) - 1))


def _parts(probe: Measure, model: Trainable, settings: Settings) -> Iterator[Measurements]:
    if hasattr(probe, "parts"):
        return iter(probe.parts(model, settings))
    return iter([probe(model, settings)])


class Run:
    """One live training run; at most one for each name, so re-running a cell replaces what it made before.

    A daemon thread owns the model while the run is alive.  Everything else only asks: the methods below set what
    is wanted and return at once, and settings travel through a mailbox that the loop reads once per step.

    Args:
        factory: builds ``(model, stream)`` from scratch, with its own seed; called again at every reset.
        settings: the first :class:`Settings`.
        name: identifies the run; a run of the same name is stopped and replaced, and kept as ``earlier``.
        steps: how many steps to train; None: until stopped.
        seed, optimizer: as for :func:`lessons_lib.training.train`.
        probe: measures the model about once a second, ``probe(model, settings) -> Measurements``, at most a sixth
            of the time; its results go to ``history.probes``.  One that has ``parts(model, settings)``, an
            iterator of :class:`Measurements`, is measured part by part with a training step between them: a
            change of the settings waits for one part at most.
        twin: leave a twin behind at the first change of a setting: a copy that goes on from the same state, on
            the same data, with the old settings.  :class:`Settings` instead of True: the twin begins with the run,
            at its first step, under these.  Its losses go to ``history.twin_loss``.

    Attributes:
        state: "ready", "running", "paused", "finished", "stopped", "diverged" or "failed".
        message: what to know about that state, one line ("" when there is nothing to say).
        traceback: what failed, and where, in full ("" in every state but "failed").
        history: a :class:`History`.
        factory: what model and stream are built from.
        earlier: the run that this one replaced, if it had taken a step; :meth:`go_on` takes it up again, and a first
            step or a reset forgets it.
        left: the state in which its successor found it.
        pace: the most steps a second; None: as many as there can be.  A change of a setting waits for no pace.
        listeners: called in the run's thread with the run, ten times a second while something is new and at every
            change of state.
    """

    def __init__(
        self,
        factory: Factory,
        settings: Settings,
        *,
        name: str,
        steps: int | None = None,
        seed: int = 0,
        optimizer: str = "sgd",
        probe: Measure | None = None,
        twin: bool | Settings = False,
    ):
        self.name, self.steps, self.seed, self.optimizer = name, steps, seed, optimizer
        self.probe, self.twin = probe, twin
        self.listeners: list[Callable[[Run], None]] = []
        self._pace: float | None = None
        self.factory, self._first_settings = factory, settings
        self._condition, self._preparing = threading.Condition(), threading.Lock()
        self._asked_copies: list[Future[Trainable]] = []
        self._thread: threading.Thread | None = None
        with _registering:
            old = _registry.get(name)
            _registry[name] = self
        self.earlier: Run | None = None
        self._own_start: dict[str, Any] = {}  # while the one that was taken up has its place
        self.left = "ready"
        if old is not None:
            old.left = old.state
            old.close()
            # A cell may be run twice before anything is pressed.
            self.earlier, old.earlier = (old if old.step_count else old.earlier), None
        self._begin()

    def _begin(self) -> None:
        self._mailbox = Mailbox(self._first_settings)
        self._training: TrainingState | None = None
        self._twin: tuple[TrainingState, Settings] | None = None
        self._measuring: _Measuring | None = None
        self._error: BaseException | None = None
        self._first_used: Settings | None = None
        self._used: Settings | None = None  # by the last step
        self._threads = _threads()
        self._wanted, self._single_steps = "pause", 0
        self.history, self.state, self.message, self.traceback = History(), "ready", "", ""
        self.resets = getattr(self, "resets", -1) + 1  # so that a view can tell old news from new

    # -- what anyone may ask, from any thread -----------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        """What the next step will use."""
        return self._mailbox.settings

    @property
    def model(self) -> Trainable:
        """The model, built now if it was not yet.  It changes under your hands while the run is running: evaluate a
        :meth:`snapshot`."""
        return self._prepared().model

    def snapshot(self) -> Trainable:
        """A copy of the model as it is between two steps, in evaluation mode: the run goes on and leaves it alone.

        Waits for the step in hand, and for the part of a probe.
        """
        training = self._prepared()
        with self._condition:
            if self._thread is None or self._thread is threading.current_thread():
                return copy.deepcopy(training.model).eval()
            asked: Future[Trainable] = Future()
            self._asked_copies.append(asked)
            self._condition.notify_all()
        return asked.result()

    @property
    def stream(self) -> Batches:
        """The stream of batches, built now if it was not yet."""
        return self._prepared().stream

    @property
    def step_count(self) -> int:
        """Steps taken so far (published or not)."""
        return 0 if self._training is None else self._training.step

    def update(self, **changes: Any) -> Settings:
        """Change settings; the next step uses them.

        Raises:
            ValueError: an invalid value, or k longer than the stream; nothing changes then.
        """
        if self._training is not None:
            trial = Mailbox(self.settings).update(**changes)
            check_truncation(trial, self._training.stream)
        settings = self._mailbox.update(**changes)
        with self._condition:
            self._condition.notify_all()
        return settings

    @property
    def pace(self) -> float | None:
        return self._pace

    @pace.setter
    def pace(self, steps_per_second: float | None) -> None:
        with self._condition:
            self._pace = steps_per_second
            self._condition.notify_all()

    def start(self) -> None:
        """Train, from the beginning or from a pause.  Does nothing while running or after the end."""
        self._ask("run")

    resume = start

    def pause(self) -> None:
        """Finish the step in hand, then wait."""
        if self._thread is not None:
            self._ask("pause")

    def step(self) -> None:
        """Take one step, then wait."""
        with self._condition:
            self._single_steps += 1
        self._ask("pause")

    def stop(self) -> None:
        """Finish the step in hand and end; what was learned stays, :meth:`reset` begins again."""
        if self._thread is None and self.state not in ENDED:
            self._set_state("stopped")
        self._ask("stop")

    def reset(self, factory: Factory | None = None, **changes: Any) -> None:
        """Begin again from the factory and the first settings, with ``changes`` made to them from now on.

        Where an earlier run was taken up, all that it was made with goes: this run begins as it was made itself.
        Waits for the step in hand.  A new ``factory`` replaces the old one (a preset with another start).
        """
        self._end_thread()
        self.earlier = None
        self._take(self._own_start)
        self._own_start = {}
        if factory is not None:
            self.factory = factory
        if changes:
            self._first_settings = Mailbox(self._first_settings).update(**changes)
        self._begin()
        self._tell()

    def go_on(self) -> None:
        """Take up the run that this one replaced: its model, twin, settings and history; training, if it was."""
        earlier, self.earlier = self.earlier, None
        if earlier is None:
            return
        self._end_thread()
        self._own_start = {name: getattr(self, name) for name in START}
        self._take({name: getattr(earlier, name) for name in START + BELONGINGS})
        self.resets += 1
        self._wanted, self._single_steps = "pause", 0
        self.state = earlier.left if earlier.left in ENDED else "paused"
        self._tell()
        if earlier.left == "running":
            self.start()

    @property
    def moves(self) -> list[tuple[int, Settings]]:
        """(step, the settings from that step on), the first at step 0."""
        return self.history.moves(self._first_used or self.settings)

    def script(self) -> str:
        """A plain cell that repeats this run so far: in a fresh kernel, on a CPU, with the same losses to the last bit.

        Raises:
            ValueError: no code is known for the factory (a lambda, say).
        """
        return script(
            self.factory,
            self.moves,
            steps=len(self.history.steps),
            name=self.name,
            seed=self.seed,
            optimizer=self.optimizer,
            threads=self._threads,
        )

    def recording(self) -> Recording:
        """What is kept of this run when it is gone."""
        try:
            code = self.script()
        except ValueError:
            code = ""
        history, measured = self.history, self.history.measured
        steps, twins = len(history.steps), len(history.twin_steps)
        return Recording(
            self.name,
            tuple(self.moves),
            tuple(history.loss[:steps]),
            tuple(history.twin_steps[:twins]),
            tuple(history.twin_loss[:twins]),
            tuple(measured.truncation_error or ()),
            tuple(measured.truncation_bound or ()),
            code,
        )

    def result(self, timeout: float | None = None) -> History:
        """The history, after waiting for a running or stopped run to end; an unstarted or paused one answers at once.

        Raises:
            TimeoutError: still running after ``timeout`` seconds.
            RuntimeError: the run has no step limit and would be waited for without end.
            Exception: whatever ended the run in the state "failed".
        """
        thread = self._thread
        # What is wanted counts, not the state: a run just resumed has not woken up yet. Who asks what ended a run
        # may be a listener in the run's own thread, which cannot wait for itself.
        mine = thread is threading.current_thread()
        if thread is not None and not mine and self._wanted in ("run", "stop") and self._error is None:
            if self.steps is None and timeout is None and self._wanted == "run":
                raise RuntimeError(f"run {self.name!r} has no step limit: stop() it first, or pass a timeout")
            thread.join(timeout)
            if thread.is_alive():
                raise TimeoutError(f"run {self.name!r} is still running after {timeout} s")
        if self._error is not None:
            raise self._error
        return self.history

    def close(self) -> None:
        """Stop for good and forget the listeners; waits for the step in hand."""
        self.listeners.clear()
        self._end_thread()
        with _registering:
            if _registry.get(self.name) is self:
                del _registry[self.name]

    def _take(self, values: dict[str, Any]) -> None:
        for name, value in values.items():
            setattr(self, name, value)

    # -- the thread -------------------------------------------------------------------------------------------

    def _ask(self, wanted: str) -> None:
        with self._condition:
            if self.state in ENDED or self._wanted == "stop":  # an end asked for is not taken back
                return
            self._wanted = wanted
            if self._thread is None and (wanted == "run" or self._single_steps):
                # In a context of its own: prints and tracebacks would land in whichever cell ran last.
                context = contextvars.copy_context()
                self._thread = threading.Thread(
                    target=context.run, args=(self._live,), name=f"run {self.name}", daemon=True
                )
                self.state, self.earlier = "running", None
                self._thread.start()
            self._condition.notify_all()

    def _end_thread(self) -> None:
        thread = self._thread
        self._ask("stop")
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        self._thread = None

    def _prepared(self) -> TrainingState:
        with self._preparing:
            if self._training is None:
                model, stream = self.factory()
                check_truncation(self.settings, stream)
                self._training = TrainingState.begin(model, stream, seed=self.seed, optimizer=self.optimizer)
            return self._training

    def _live(self) -> None:
        try:
            # One core stays free for the kernel and the browser.
            self._threads = _threads()
            torch.set_num_threads(self._threads)
            if sys.platform == "linux":  # where a thread has a priority of its own: the page and the sliders go first
                me = threading.get_native_id()
                with contextlib.suppress(OSError):  # a courtesy, which no run fails for
                    os.setpriority(os.PRIO_PROCESS, me, max(BACKGROUND, os.getpriority(os.PRIO_PROCESS, me)))
            self._loop(self._prepared())
        except Exception as error:
            self._error, self.traceback = error, "".join(traceback.format_exception(error))
            self._set_state("failed", f"{type(error).__name__}: {error}")
        finally:
            with self._condition:
                self._thread = None
                self._give_copies()

    def _loop(self, training: TrainingState) -> None:
        if self._first_used is None or self._used is None:
            self._first_used = self._used = self.settings
        if isinstance(self.twin, Settings):
            self._leave_twin(training, self.twin)
        records: list[StepRecord] = []
        twins: list[StepRecord] = []
        published = time.monotonic()
        probe_due = published  # the first picture shows the start
        while True:
            self._give_copies()
            waiting = self._wanted == "pause" and not self._single_steps
            if waiting or self._wanted == "stop":
                self._publish(records, twins)
                if self.state == "diverged":
                    return
                if waiting and self.probe is not None:
                    self._measure(training, whole=True)
                if self._wanted == "stop":
                    self._set_state("stopped")
                    return
                self._wait_while_paused()
                continue
            if self.state != "running":
                self._set_state("running")
            if time.monotonic() >= probe_due:
                probe_due = self._measure(training, whole=training.step == 0)
            settings = self.settings
            if settings != self._used:
                self._leave_twin(training, self._used)
                self.history.note_changes(self._used, settings, training.step)
                self._used = settings
            began = time.monotonic()
            records.append(training_step(training, settings))
            twins += self._twin_steps(training, settings, most=2)
            with self._condition:
                self._single_steps = max(0, self._single_steps - 1)
            finished = self.steps is not None and training.step >= self.steps
            if finished:
                twins += self._twin_steps(training, settings)
            if finished or time.monotonic() - published >= PUBLISH_SECONDS:
                published = time.monotonic()
                self._publish(records, twins)
                if self.state == "diverged":
                    return
            if finished:
                self._measure(training, whole=True)
                self._set_state("finished")
                return
            self._keep_pace(began, settings)

    def _keep_pace(self, began: float, settings: Settings) -> None:
        """Wait until the step that began then has had its time, or something is asked for."""
        with self._condition:
            while self._pace is not None and self._wanted == "run" and self.settings is settings:
                left = began + 1 / self._pace - time.monotonic()
                if left <= 0:
                    return
                self._condition.wait(left)

    def _twin_steps(
        self, training: TrainingState, settings: Settings, *, most: int | None = None
    ) -> Iterator[StepRecord]:
        """The steps by which the twin is behind; with ``most``, that many, and none once ``settings`` are old.

        A change of the settings goes first: the run's next step uses it, and the twin catches up afterwards.
        """
        taken = 0
        while self._twin is not None and self._twin[0].step < training.step:
            if most is not None and (taken == most or self.settings is not settings):
                return
            yield training_step(*self._twin)
            taken += 1

    def _wait_while_paused(self) -> None:
        self._set_state("paused")
        with self._condition:
            while self._wanted == "pause" and not self._single_steps:
                self._give_copies()
                self._condition.wait()

    def _give_copies(self) -> None:
        """Answer whoever asked for a snapshot, between two steps."""
        while self._asked_copies:
            asked = self._asked_copies.pop()
            try:
                asked.set_result(copy.deepcopy(self._prepared().model).eval())
            except Exception as error:
                asked.set_exception(error)

    def _leave_twin(self, training: TrainingState, settings: Settings) -> None:
        if self.twin and self._twin is None:
            # Model, optimiser and carried state are copied together; the data are shared.
            self._twin = (copy.deepcopy(training, {id(training.stream): training.stream}), settings)

    def _measure(self, training: TrainingState, *, whole: bool = False) -> float:
        """Take the probe's next part, or all that is left of it; returns when to take the next one."""
        if self.probe is None:
            return math.inf
        began = time.monotonic()
        if self._measuring is None:
            self._measuring = _Measuring(began, _parts(self.probe, training.model, self.settings))
        measuring = self._measuring
        training.model.eval()
        for part in measuring.parts:
            measuring.found |= part
            if not whole:
                measuring.seconds += time.monotonic() - began
                return began  # after one more step
        ended = time.monotonic()
        seconds = measuring.seconds + ended - began
        self._measuring = None
        self.history.note_probe(training.step, measuring.found)
        self._tell()
        return max(measuring.began + PROBE_SECONDS, ended + seconds * (1 / PROBE_SHARE - 1))

    def _publish(self, records: list[StepRecord], twins: list[StepRecord]) -> None:
        if not records:
            return
        first = len(self.history.loss)
        self.history.extend(records, twins)
        bad = next((i for i in range(first, len(self.history.loss)) if not math.isfinite(self.history.loss[i])), None)
        if bad is not None:
            settings = records[bad - first].settings
            self._set_state(
                "diverged",
                f"the loss is {self.history.loss[bad]} at step {self.history.steps[bad]} "
                f"(learning rate {settings.learning_rate:g}, {settings.stable_set.describe()}): "
                "reset, then lower the learning rate, clip the gradient or lower the spectral bound",
            )
        records.clear()
        twins.clear()
        self._tell()

    def _set_state(self, state: str, message: str = "") -> None:
        self.state, self.message = state, message
        self._tell()

    def _tell(self) -> None:
        for listener in tuple(self.listeners):
            try:
                listener(self)
            except Exception:
                self.listeners.remove(listener)  # the others still hear that the run failed
                raise
