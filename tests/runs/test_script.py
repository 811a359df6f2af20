"""A run as code: the cell, run in a fresh interpreter, gives the run's own losses."""

import json
import random
import subprocess
import sys

import pytest
import torch

from lessons_lib.corpora import Stream
from lessons_lib.experiments.training import from_seed
from lessons_lib.models import LSTM, LanguageModel, LinearRecurrence, TanhRNN
from lessons_lib.runs import Run
from lessons_lib.stability import EigenvalueDisc, LSTMStableSet, SpectralBall, Unconstrained
from lessons_lib.training import Settings
from tests.waiting import wait_for

CORES = {"rnn": TanhRNN, "lstm": LSTM, "linear": LinearRecurrence}
SETS = {"rnn": SpectralBall(0.9), "lstm": LSTMStableSet(0.7), "linear": EigenvalueDisc(0.9)}
MOVES = 20


@from_seed
def factory(core: str, seed: int = 0):
    """A small language model with dropout, and its stream."""
    tokens = torch.randint(9, (2001,))
    return LanguageModel(CORES[core](6, 6), 9, 6, dropout=0.2), Stream(tokens, 4, 12)


def steered(run: Run, stable_set, seed: int) -> Run:
    """Train, and move a setting at random twenty times, one or two steps apart."""
    moves = random.Random(seed)
    draws = {
        "truncation_length": lambda: moves.randint(1, 12),
        "learning_rate": lambda: moves.choice([0.001, 0.003, 0.01]),
        "stable_set": lambda: moves.choice([Unconstrained(), stable_set]),
        "gradient_clip": lambda: moves.choice([None, 0.5]),
    }
    while len(run.history.changes) < MOVES:
        name = moves.choice(list(draws))
        run.update(**{name: draws[name]()})
        end = run.step_count + moves.randint(1, 2)
        for _ in range(end - run.step_count):
            run.step()
        wait_for(lambda end=end: run.step_count == end and run.state == "paused", 120, run.message)
    return run


def losses_of(scripts: list[str]) -> list[list[float]]:
    """What each cell computes, all in one fresh interpreter."""
    code = (
        "import json, sys\n"
        "def losses(cell):\n"
        "    names = {}\n"
        "    exec(cell, names)\n"
        "    return names['losses']\n"
        "print(json.dumps([losses(cell) for cell in json.load(sys.stdin)]))"
    )
    done = subprocess.run([sys.executable, "-c", code], input=json.dumps(scripts), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_script_of_a_steered_run_gives_its_losses_to_the_last_bit():
    scripts, losses = [], []
    for core in CORES:
        for seed in (0, 1, 2):
            run = Run(
                factory(core, seed), Settings(12, learning_rate=0.003), name="steered", seed=seed, optimizer="adam"
            )
            history = steered(run, SETS[core], seed).history
            assert len(history.changes) >= MOVES
            scripts.append(run.script())
            losses.append(history.loss)
            run.close()
    assert losses_of(scripts) == losses


def test_settings_moved_before_the_first_step_are_the_first_settings():
    run = Run(factory("rnn"), Settings(12), name="early")
    run.update(learning_rate=0.3)
    run.step()
    wait_for(lambda: run.state == "paused")
    assert [(step, settings.learning_rate) for step, settings in run.moves] == [(0, 0.3)]
    run.close()


def test_what_has_no_name_is_refused_in_a_line():
    run = Run(lambda: factory("rnn")(), Settings(12), name="nameless")
    try:
        with pytest.raises(ValueError, match="has no name that a cell could import"):
            run.script()
        assert run.recording().script == ""
    finally:
        run.close()
