import builtins
import errno
import io
import itertools
import multiprocessing
import os
import random
import statistics
import time
from unittest import mock

import pytest
import torch

from lessons_lib.corpora import Stream
from lessons_lib.models import LSTM, LanguageModel
from lessons_lib.stability import LSTMStableSet, SpectralBall, Unconstrained
from lessons_lib.training import CheckpointError, Settings, TrainingState, load_checkpoint, save_checkpoint, train
from lessons_lib.training.checkpoint import settings_from_json, settings_to_json

SETTINGS = Settings(5, learning_rate=0.01, gradient_clip=0.5)


def fresh(optimizer="adam", tied=True):
    torch.manual_seed(0)
    model = LanguageModel(LSTM(6, 6), 9, 6, tied=tied, dropout=0.3)
    stream = Stream(torch.randint(9, (301,), generator=torch.Generator().manual_seed(1)), 3, 10)
    return TrainingState.begin(model, stream, seed=3, optimizer=optimizer)


def run(state, until, settings=SETTINGS):
    return [r.loss.item() for r in train(state.model, state.stream, settings, steps=until, state=state)]


def weights(state):
    return torch.cat([p.detach().flatten() for p in state.model.parameters()])


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("truncation", ["chunked", "exact"])
def test_a_resumed_training_ends_on_the_same_weights(tmp_path, optimizer, truncation):
    settings = Settings(5, truncation, 0.01, stable_set=LSTMStableSet())
    whole, first, second = fresh(optimizer), fresh(optimizer), fresh(optimizer)
    for state in (whole, first, second):
        state.model.dropout.p = 0.0 if truncation == "exact" else 0.3
    losses = run(whole, 25, settings)
    run(first, 13, settings)
    save_checkpoint(tmp_path / "c", first, settings, note="half way")
    loaded, extra = load_checkpoint(tmp_path / "c", second)
    assert (loaded, extra) == (settings, {"note": "half way"})
    assert run(second, 25, loaded) == losses[13:]
    assert torch.equal(weights(whole), weights(second))


@pytest.mark.parametrize("stable_set", [Unconstrained(), SpectralBall(0.9), LSTMStableSet(0.7, 0.5)])
def test_settings_survive_the_file(stable_set):
    settings = Settings(7, "exact", 0.3, None, stable_set)
    assert settings_from_json(settings_to_json(settings)) == settings


def test_a_file_that_is_cut_off_or_alien_is_one_clear_line_and_changes_nothing(tmp_path):
    state, path = fresh(), tmp_path / "c"
    run(state, 3)
    save_checkpoint(path, state, SETTINGS)
    content = path.read_bytes()
    before = weights(state).clone()
    for broken in (b"", content[:100], content[:-1], b"PK" + content):
        path.write_bytes(broken)
        with pytest.raises(CheckpointError, match="delete it to start afresh"):
            load_checkpoint(path, state)
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="another model"):
        load_checkpoint(path, fresh(tied=False))
    with pytest.raises(CheckpointError, match="another optimiser"):
        load_checkpoint(path, fresh(optimizer="sgd"))
    with pytest.raises(CheckpointError, match="not a readable checkpoint"):
        load_checkpoint(tmp_path, state)
    assert torch.equal(weights(state), before)


@pytest.mark.parametrize("where", ["open", "write", "fsync", "replace", "full disk"])
def test_a_failure_at_any_point_of_a_save_leaves_the_previous_checkpoint(tmp_path, monkeypatch, where):
    state, path = fresh(), tmp_path / "c"
    run(state, 3)
    save_checkpoint(path, state, SETTINGS)
    kept = path.read_bytes()
    run(state, 5)

    def fail(*_, **__):
        raise OSError(errno.ENOSPC if where == "full disk" else errno.EIO, "injected")

    def open_and_write_half(name, mode):
        file = io.FileIO(name, mode)

        def write(content):
            io.FileIO.write(file, content[: len(content) // 2])
            fail()

        return mock.MagicMock(write=write, __enter__=lambda self: self, __exit__=lambda *_: file.close())

    with monkeypatch.context() as patch:
        if where == "open":
            patch.setattr(builtins, "open", fail)
        elif where in ("write", "full disk"):
            patch.setattr(builtins, "open", open_and_write_half)
        else:
            patch.setattr(os, where, fail)
        with pytest.raises(OSError, match="injected"):
            save_checkpoint(path, state, SETTINGS)
    assert path.read_bytes() == kept
    assert [p.name for p in tmp_path.iterdir()] == ["c"]


def seconds_per_saved_step(path):
    """The median over a few steps with their saves, the first left out."""
    state, times = fresh(), []
    for _ in train(state.model, state.stream, SETTINGS, steps=8, state=state):
        save_checkpoint(path, state, SETTINGS)
        times.append(time.monotonic())
    return statistics.median(b - a for a, b in itertools.pairwise(times[1:]))


def train_without_end(path, ready):
    torch.set_num_threads(1)
    state = fresh()
    if path.exists():
        load_checkpoint(path, state)
    for _ in train(state.model, state.stream, SETTINGS, state=state):
        save_checkpoint(path, state, SETTINGS)
        ready.set()  # a first step takes longer than the next ones: each process gets that far


@pytest.mark.slow
def test_killed_at_twenty_random_moments_it_continues_to_the_same_weights(tmp_path):
    path, rng = tmp_path / "c", random.Random(0)
    step = seconds_per_saved_step(tmp_path / "timed")  # so that the kills fall into the training on any machine
    methods = multiprocessing.get_all_start_methods()
    processes = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    if "forkserver" in methods:
        processes.set_forkserver_preload([__name__])  # torch is imported once, not twenty times
    reached = []
    for _ in range(20):
        ready = processes.Event()
        worker = processes.Process(target=train_without_end, args=(path, ready))
        worker.start()
        assert ready.wait(60)
        time.sleep(rng.uniform(0.0, 20 * step))
        worker.kill()
        worker.join()
        assert worker.exitcode != 0
        resumed = fresh()
        if path.exists():
            load_checkpoint(path, resumed)
        reached.append(resumed.step)
    assert reached == sorted(reached)
    assert reached[-1] > 20
    whole = fresh()
    run(resumed, reached[-1] + 10)
    run(whole, reached[-1] + 10)
    assert torch.equal(weights(resumed), weights(whole))
