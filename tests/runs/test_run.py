import gc
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from functools import reduce
from operator import or_
from types import SimpleNamespace

import pytest
import torch

from lessons_lib.corpora import Stream
from lessons_lib.models import LanguageModel, TanhRNN, seeded
from lessons_lib.runs import Measurements, Run
from lessons_lib.runs.run import BACKGROUND, PROBE_SECONDS, PROBE_SHARE
from lessons_lib.stability import SpectralBall
from lessons_lib.training import Settings, batch_loss, train, training_step
from tests.waiting import wait_for

SETTINGS = Settings(5, learning_rate=0.1, gradient_clip=1.0)


def factory(gain=1.0):
    with seeded(0):
        model = LanguageModel(TanhRNN(5, 6), 9, 5)
        torch.nn.init.orthogonal_(model.core.cells[0].weight_hh_l0, gain=gain)
        return model, Stream(torch.randint(9, (601,)), 2, 10)


@pytest.fixture
def make():
    runs = []

    def make(*args, name="test", **keywords):
        runs.append(Run(*args, name=name, **keywords))
        return runs[-1]

    yield make
    for run in runs:
        run.close()


def test_a_run_takes_the_steps_that_the_plain_generator_takes(make):
    run = make(factory, SETTINGS, steps=40)
    run.start()
    history = run.result(60)
    expected = [r.loss.item() for r in train(*factory(), SETTINGS, steps=40)]
    assert run.state == "finished"
    assert history.steps == list(range(40))
    assert history.loss == expected


def test_an_unstarted_or_paused_run_answers_at_once(make):
    run = make(factory, SETTINGS)
    assert run.result().steps == []
    run.start()
    wait_for(lambda: run.step_count > 3)
    run.pause()
    wait_for(lambda: run.state == "paused")
    assert len(run.result().steps) == run.step_count


def test_waiting_for_a_run_without_end_is_refused(make):
    run = make(factory, SETTINGS)
    run.start()
    with pytest.raises(RuntimeError, match="no step limit"):
        run.result()
    with pytest.raises(TimeoutError, match="still running"):
        run.result(0.05)


def test_the_result_of_a_stopped_run_holds_the_step_that_was_in_hand(make):
    run = make(factory, SETTINGS)
    run.start()
    wait_for(lambda: run.step_count > 3)
    run.stop()
    history = run.result()
    assert run.state == "stopped"
    assert len(history.steps) == run.step_count


def test_pause_holds_and_step_takes_exactly_one(make):
    run = make(factory, SETTINGS)
    run.step()
    wait_for(lambda: run.state == "paused")
    assert run.step_count == 1
    run.step()
    wait_for(lambda: len(run.history.steps) == 2)
    time.sleep(0.05)
    assert run.step_count == 2
    run.resume()
    wait_for(lambda: run.step_count > 10)


def test_a_changed_setting_reaches_the_next_step_and_is_marked(make):
    run = make(factory, SETTINGS)
    run.start()
    wait_for(lambda: run.step_count > 5)
    run.update(truncation_length=3, stable_set=SpectralBall(0.5))
    wait_for(lambda: len(run.history.changes) == 2)
    assert {(c.name, c.new) for c in run.history.changes} == {
        ("truncation_length", 3),
        ("stable_set", SpectralBall(0.5)),
    }
    run.stop()
    wait_for(lambda: run.state == "stopped")
    assert SpectralBall(0.5).contains(run.model)


def test_an_impossible_setting_is_refused_and_training_goes_on(make):
    run = make(factory, SETTINGS)
    run.start()
    wait_for(lambda: run.step_count > 1)
    with pytest.raises(ValueError, match="longer than the stream"):
        run.update(truncation_length=11)
    before = run.step_count
    wait_for(lambda: run.step_count > before + 3)
    assert run.settings.truncation_length == 5


def test_the_twin_goes_on_with_the_old_settings_from_the_same_state(make):
    run = make(factory, SETTINGS, twin=True)
    run.start()
    wait_for(lambda: run.step_count > 5)
    run.update(stable_set=SpectralBall(0.1))
    wait_for(lambda: len(run.history.twin_steps) > 20)
    run.stop()
    wait_for(lambda: run.state == "stopped")
    history = run.history
    first = history.changes[0].step
    alone = [r.loss.item() for r in train(*factory(), SETTINGS, steps=history.twin_steps[-1] + 1)]
    assert history.twin_steps == list(range(first, history.twin_steps[-1] + 1))
    assert history.twin_loss == alone[first:]
    assert history.loss[:first] == alone[:first]
    assert history.loss[first + 5 :] != alone[first + 5 : len(history.loss)]


def test_reset_begins_again_from_the_same_seed_with_the_first_settings(make):
    run = make(factory, SETTINGS, steps=20)
    run.start()
    first = run.result(60).loss
    run.update(truncation_length=2)
    run.reset()
    assert (run.state, run.settings, run.history.loss, run.resets) == ("ready", SETTINGS, [], 1)
    run.start()
    assert run.result(60).loss == first


def test_a_preset_resets_with_another_start_and_other_settings(make):
    run = make(factory, SETTINGS)
    run.start()
    run.reset(lambda: factory(gain=4.0), truncation_length=1)
    assert run.settings.truncation_length == 1
    assert torch.linalg.matrix_norm(run.model.core.cells[0].weight_hh_l0, 2).item() == pytest.approx(4.0, rel=1e-5)


def test_divergence_is_a_named_state_with_advice(make):
    run = make(factory, Settings(5, learning_rate=1e30))
    run.start()
    wait_for(lambda: run.state == "diverged")
    assert "step" in run.message
    assert "lower the learning rate" in run.message
    run.start()  # after the end only a reset helps
    assert run.state == "diverged"


def test_a_failure_in_the_thread_is_kept_and_raised_by_result(make):
    def broken():
        raise FileNotFoundError("no corpus here")

    run = make(broken, SETTINGS)
    run.start()
    wait_for(lambda: run.state == "failed")
    assert "no corpus here" in run.message
    with pytest.raises(FileNotFoundError, match="no corpus here"):
        run.result()


def test_a_failures_traceback_stays_as_it_was_however_often_it_is_raised(make):
    def broken():
        raise FileNotFoundError("no corpus here")

    run = make(broken, SETTINGS)
    assert run.traceback == ""
    run.start()
    wait_for(lambda: run.state == "failed")
    told = run.traceback
    assert told.splitlines()[-1] == "FileNotFoundError: no corpus here"
    assert "in broken" in told
    for _ in range(3):
        with pytest.raises(FileNotFoundError):
            run.result()
    assert run.traceback == told
    run.reset()
    assert run.traceback == ""


def test_a_listener_told_of_a_failure_can_ask_for_it(make):
    def broken(model, settings):
        raise FileNotFoundError("no such probe")

    told = []

    def listen(run):
        if run.state == "failed":
            with pytest.raises(Exception) as caught:
                run.result()
            told.append(caught.value)

    run = make(factory, SETTINGS, probe=broken)
    run.listeners.append(listen)
    run.start()
    wait_for(lambda: told)
    assert [str(error) for error in told] == ["no such probe"]


def test_a_failing_listener_fails_the_run_visibly(make):
    run = make(factory, SETTINGS)
    run.listeners.append(lambda _: 1 / 0)
    run.start()
    wait_for(lambda: not any(t.name == "run test" for t in threading.enumerate()))
    run.listeners.clear()
    assert run.state == "failed"
    with pytest.raises(ZeroDivisionError):
        run.result()


@pytest.mark.parametrize("cost", [0.05, 0.5])
def test_probes_run_about_once_a_second_and_never_more_than_their_share(make, monkeypatch, cost):
    now, a_step, began = 0.0, 0.02, []

    def step(training, settings):
        nonlocal now
        now += a_step
        return training_step(training, settings)

    def probe(model, settings):
        nonlocal now
        began.append(now)
        now += cost
        return Measurements(context_needed=settings.truncation_length)

    monkeypatch.setattr("lessons_lib.runs.run.time", SimpleNamespace(monotonic=lambda: now))
    monkeypatch.setattr("lessons_lib.runs.run.training_step", step)
    run = make(factory, SETTINGS, steps=400, probe=probe)
    run.start()
    assert run.result(60).probes[0] == (0, Measurements(context_needed=5))
    # A probe begins after the step in which it falls due, and ends one step later.
    every = max(PROBE_SECONDS, cost / PROBE_SHARE)
    assert began[:3] == pytest.approx([0, every, 2 * every], abs=4 * a_step)


@pytest.mark.parametrize(("cost", "due"), [(0.05, 0.8), (0.5, 0.5 + 0.5 * (1 / 0.14 - 1))])
def test_the_next_probe_is_due_in_a_second_or_when_the_last_one_has_had_its_share(make, monkeypatch, cost, due):
    now = 0.0

    def probe(model, settings):
        nonlocal now
        now += cost
        return Measurements(context_needed=settings.truncation_length)

    monkeypatch.setattr("lessons_lib.runs.run.time", SimpleNamespace(monotonic=lambda: now))
    run = make(factory, SETTINGS, probe=probe)
    assert run._measure(run._prepared(), whole=True) == pytest.approx(due)


def test_one_name_is_one_run_and_one_thread(make):
    for _ in range(10):
        run = make(factory, SETTINGS)
        run.start()
        wait_for(lambda run=run: run.step_count > 0)
    assert sum(t.name == "run test" for t in threading.enumerate()) == 1


def test_pressing_everything_twice_is_harmless(make):
    run = make(factory, SETTINGS)
    for action in (
        run.pause,
        run.start,
        run.start,
        run.pause,
        run.pause,
        run.step,
        run.reset,
        run.reset,
        run.start,
    ):
        action()
    wait_for(lambda: run.step_count > 2)
    for action in (run.stop, run.stop, run.pause, run.start, run.step):
        action()
    wait_for(lambda: run.state == "stopped")
    run.reset()
    run.stop()
    assert run.state == "stopped"


def test_a_storm_of_changes_leaves_the_last_value(make):
    run = make(factory, SETTINGS)
    run.start()
    for i in range(1000):
        run.update(truncation_length=1 + i % 10)
    before = run.step_count
    wait_for(lambda: run.step_count > before + 2)
    assert run.settings.truncation_length == 10


def test_a_closed_run_leaves_nothing_alive(make):
    run = make(factory, SETTINGS)
    run.start()
    run.close()
    gc.collect()
    assert not any(t.name == "run test" for t in threading.enumerate())


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_a_run_is_steered_on_cuda(make):
    def on_cuda():
        model, stream = factory(gain=2.0)
        return model.cuda(), stream

    run = make(on_cuda, SETTINGS)
    run.start()
    wait_for(lambda: run.step_count > 5)
    run.update(truncation_length=3, stable_set=SpectralBall(0.5))
    wait_for(lambda: len(run.history.changes) == 2)
    run.stop()
    wait_for(lambda: run.state == "stopped")
    assert SpectralBall(0.5).contains(run.model)


def test_a_probe_in_parts_lets_a_step_pass_between_them(make):
    class Parts:
        def __init__(self):
            self.at = []

        def parts(self, model, settings):
            for name in ("held_out_loss", "accuracy", "rate"):
                self.at.append(run.step_count)
                yield Measurements(**{name: run.step_count})

        def __call__(self, model, settings):
            return reduce(or_, self.parts(model, settings))

    probe = Parts()
    run = make(factory, SETTINGS, probe=probe)
    run.start()
    wait_for(lambda: len(run.history.probes) >= 2)
    run.pause()
    wait_for(lambda: run.state == "paused")
    assert run.history.probes[0] == (0, Measurements(held_out_loss=0, accuracy=0, rate=0))  # the start, whole
    found = run.history.measured
    assert None not in (found.held_out_loss, found.accuracy, found.rate)
    first, second, third = probe.at[3:6]
    assert (second - first, third - second) == (1, 1)


def with_dropout(layer=None):
    with seeded(0):
        core = TanhRNN(5, 6, 2, dropout=0.5)
        model = LanguageModel(core, 9, 5, dropout=0.3)
    if layer is not None:
        core.cells.append(layer)
        core.layers += 1
    return model, Stream(torch.arange(601) % 9, 2, 10)


class Observer(torch.nn.RNN):
    """A recurrent layer that notes the state of torch's global generator whenever it is fed."""

    def __init__(self):
        super().__init__(6, 6, batch_first=True)
        self.seen = set()

    def forward(self, *inputs):
        self.seen.add(torch.random.get_rng_state().numpy().tobytes())
        return super().forward(*inputs)


def test_a_live_run_never_touches_the_global_generator(make):
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    with seeded(1):
        observer = Observer()
    run = make(lambda: with_dropout(observer), SETTINGS, steps=30, twin=True)
    run.start()
    run.update(truncation_length=2)
    run.result(60)
    run.reset()
    run.step()
    wait_for(lambda: run.step_count == 1)
    assert observer.seen == {before.numpy().tobytes()}
    assert torch.equal(torch.random.get_rng_state(), before)


def test_numbers_drawn_beside_a_run_change_neither_it_nor_themselves(make):
    torch.manual_seed(3)
    alone = torch.rand(300)
    expected = [r.loss.item() for r in train(*with_dropout(), SETTINGS, steps=150, seed=4)]
    run = make(with_dropout, SETTINGS, steps=150, seed=4)
    torch.manual_seed(3)
    run.start()
    drawn = []
    while run.state in ("ready", "running") or len(drawn) < 300:
        drawn.append(torch.rand(1))
        time.sleep(0)
    assert run.result(60).loss == expected
    assert torch.equal(torch.cat(drawn[:300]), alone)


def test_a_snapshot_evaluates_to_the_same_number_twice_while_the_run_goes_on(make):
    run = make(with_dropout, SETTINGS, twin=True)
    run.start()
    wait_for(lambda: run.step_count > 3)
    inputs, targets = run.stream[0]
    seen = []
    for _ in range(5):
        model, taken = run.snapshot(), run.step_count
        first = batch_loss(model, inputs, targets)
        wait_for(lambda taken=taken: run.step_count > taken + 3)
        assert batch_loss(model, inputs, targets) == first
        assert not model.training
        seen.append(first)
    assert len(set(seen)) == 5
    assert run.state == "running"


def test_a_snapshot_is_the_model_between_two_steps(make):
    run = make(factory, SETTINGS, steps=200)
    run.start()
    snapshots = [run.snapshot() for _ in range(10)]
    run.result(60)
    model, stream = factory()
    between = {tuple(model.decoder.bias.tolist())}
    for _ in train(model, stream, SETTINGS, steps=200):
        between.add(tuple(model.decoder.bias.tolist()))
    assert {tuple(snapshot.decoder.bias.tolist()) for snapshot in snapshots} <= between


def test_a_snapshot_is_to_be_had_before_the_start_in_a_pause_from_a_listener_and_after_the_end(make):
    run = make(factory, SETTINGS, steps=20)
    first = run.snapshot()
    assert torch.equal(first.decoder.weight, factory()[0].decoder.weight)
    heard = []
    run.listeners.append(lambda run: heard.append(run.snapshot()))
    run.step()
    wait_for(lambda: run.state == "paused")
    paused = run.snapshot()
    assert torch.equal(paused.decoder.weight, run.model.decoder.weight)
    assert not torch.equal(paused.decoder.weight, first.decoder.weight)
    run.start()
    run.result(60)
    assert torch.equal(run.snapshot().decoder.weight, run.model.decoder.weight)
    assert heard


def test_a_model_that_cannot_be_copied_is_the_askers_error_and_the_run_goes_on(make):
    class Unique(torch.nn.Identity):
        def __deepcopy__(self, memo):
            raise TypeError("there is one of me")

    def build():
        model, stream = factory()
        model.unique = Unique()
        return model, stream

    run = make(build, SETTINGS)
    run.start()
    with pytest.raises(TypeError, match="there is one of me"):
        run.snapshot()
    taken = run.step_count
    wait_for(lambda: run.step_count > taken)


def test_cells_beside_a_run_compute_on_one_thread_unless_told_otherwise():
    """Only a notebook's kernel imports the panels."""
    code = "import lessons_lib.panels, torch; print(torch.get_num_threads())"
    given = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    for threads, environment in (("1", given), ("2", given | {"OMP_NUM_THREADS": "2"})):
        answer = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
        )
        assert answer.stdout.strip() == threads


def test_of_the_probes_the_last_one_alone_keeps_its_curves(make):
    def probe(model, settings):
        return Measurements(held_out_loss=1.5, gradient_by_lag=[1.0, 0.5], gates={"i": 1.0})

    run = make(factory, SETTINGS, probe=probe)
    for steps in (1, 2, 3):
        run.step()
        wait_for(
            lambda steps=steps: run.step_count == steps and run.state == "paused" and len(run.history.probes) > steps
        )
    *earlier, (_, last) = run.history.probes
    assert {found for _, found in earlier} == {Measurements(held_out_loss=1.5)}
    assert last == run.history.measured == probe(None, None)


def test_a_replaced_run_goes_on_where_it_was_with_all_it_has(make):
    old = make(factory, SETTINGS, twin=True)
    old.start()
    wait_for(lambda: old.step_count > 5)
    old.update(stable_set=SpectralBall(0.5))
    wait_for(lambda: len(old.history.twin_steps) > 3)
    new = make(factory, SETTINGS, twin=True)
    assert new.earlier is old
    assert (old.left, new.step_count, new.settings) == ("running", 0, SETTINGS)
    taken = old.step_count
    new.go_on()
    assert new.earlier is None
    wait_for(lambda: new.step_count > taken + 5 and new.state == "running")
    new.stop()
    history = new.result(60)
    assert history.steps == list(range(len(history.loss)))
    change = history.changes[0]
    assert (change.name, change.new) == ("stable_set", SpectralBall(0.5))
    alone = [r.loss.item() for r in train(*factory(), SETTINGS, steps=history.twin_steps[-1] + 1)]
    assert history.twin_loss == alone[history.twin_steps[0] :]


def test_a_paused_run_is_taken_up_paused_and_what_is_moved_then_is_recorded(make):
    old = make(factory, SETTINGS)
    old.step()
    wait_for(lambda: old.state == "paused")
    middle = make(factory, SETTINGS)
    new = make(factory, SETTINGS)  # the cell was run twice
    assert (middle.earlier, new.earlier) == (None, old)
    new.go_on()
    assert (new.state, new.step_count) == ("paused", 1)
    new.update(learning_rate=0.05)
    new.step()
    wait_for(lambda: new.step_count == 2 and new.state == "paused")
    assert [(step, settings.learning_rate) for step, settings in new.moves] == [(0, 0.1), (1, 0.05)]


@pytest.mark.parametrize("begin", ["start", "step", "reset"])
def test_beginning_anew_forgets_the_earlier_run(make, begin):
    old = make(factory, SETTINGS)
    old.step()
    wait_for(lambda: old.state == "paused")
    new = make(factory, SETTINGS)
    getattr(new, begin)()
    assert new.earlier is None
    new.go_on()
    assert new.model is not old.model


def test_a_reset_after_an_earlier_run_was_taken_up_begins_as_this_run_was_made(make):
    old = make(lambda: factory(gain=4.0), SETTINGS, steps=7, seed=3, optimizer="adam", twin=True)
    old.step()
    wait_for(lambda: old.state == "paused")
    settings = Settings(3, learning_rate=0.05, stable_set=SpectralBall(0.9))
    new = make(factory, settings, steps=20, seed=1)
    new.go_on()
    assert (new.factory, new.seed, new.optimizer, new.steps) == (old.factory, 3, "adam", 7)
    new.reset(truncation_length=4)
    assert (new.factory, new.seed, new.optimizer, new.steps, new.twin) == (factory, 1, "sgd", 20, False)
    assert new.settings == replace(settings, truncation_length=4)
    new.start()
    assert new.result(60).loss == [r.loss.item() for r in train(*factory(), new.settings, steps=20, seed=1)]


@pytest.mark.skipif(sys.platform != "linux", reason="only there has a thread a niceness of its own")
def test_a_run_is_never_less_nice_than_who_starts_it(make):
    nicer = min(19, os.getpriority(os.PRIO_PROCESS, 0) + BACKGROUND + 2)
    found = []
    run = make(factory, SETTINGS, steps=1)
    run.listeners.append(lambda _: found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id())))

    def start():
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nicer)  # what a thread starts is as nice as itself
        run.start()

    starting = threading.Thread(target=start)
    starting.start()
    starting.join()
    run.result(60)
    assert set(found) == {nicer}


def test_a_run_that_may_not_be_made_nicer_trains_all_the_same(make, monkeypatch):
    def refuse(*_):
        raise PermissionError("no")

    monkeypatch.setattr(os, "setpriority", refuse, raising=False)
    run = make(factory, SETTINGS, steps=3)
    run.start()
    assert len(run.result(60).steps) == 3


def test_the_twin_parts_at_the_first_change_that_acts(make):
    run = make(factory, SETTINGS, twin=True, steps=40)
    run.step()
    wait_for(lambda: run.state == "paused")
    run.update(stable_set=SpectralBall(50.0))  # far outside: nothing is moved
    for _ in range(9):
        run.step()
    wait_for(lambda: run.step_count == 10 and run.state == "paused")
    assert run.history.twin_steps == []
    run.update(stable_set=SpectralBall(0.2))
    run.start()
    history = run.result(60)
    assert [change.step for change in history.changes] == [1, 10]
    assert history.twin_steps[0] == 10
    alone = [r.loss.item() for r in train(*factory(), SETTINGS, steps=history.twin_steps[-1] + 1)]
    assert history.twin_loss == alone[10:]


def test_a_slow_run_waits_between_steps_but_not_with_a_change(make):
    run = make(factory, SETTINGS)
    run.step()  # whatever a first step takes
    wait_for(lambda: run.state == "paused")
    run.pace = 1 / 3600
    run.start()
    wait_for(lambda: run.step_count == 2)
    run.update(truncation_length=3)
    wait_for(lambda: [change.step for change in run.history.changes] == [2])
    run.pause()
    wait_for(lambda: run.state == "paused")
    assert run.step_count == 3
    run.start()
    wait_for(lambda: run.step_count == 4)
    run.pace = None
    wait_for(lambda: run.step_count > 10)
