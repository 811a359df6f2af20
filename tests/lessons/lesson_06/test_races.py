"""Races: equal parameters, the same batches, a score on what nobody trained on."""

import math
from types import SimpleNamespace

import pytest
import torch

from lessons_lib.experiments import chorales, reading
from lessons_lib.lessons.lesson_06 import races
from lessons_lib.lessons.lesson_06.race_tasks import TASKS
from lessons_lib.models import GRU, LSTM, TCN, TanhRNN
from lessons_lib.models.size import parameter_count, widest
from lessons_lib.training import training_step


@pytest.fixture(autouse=True)
def without_downloads(monkeypatch):
    """The embedded language and music: the same with and without data."""
    for name in ("language", "music"):
        TASKS[name].cache_clear()
    monkeypatch.setattr(reading, "text", reading.embedded_language)
    monkeypatch.setattr(chorales, "music", chorales.embedded_music)
    yield
    for name in ("language", "music"):
        TASKS[name].cache_clear()


@pytest.mark.parametrize("name", TASKS)
def test_everyone_has_nearly_the_same_number_of_parameters_at_every_k(name):
    task = TASKS[name]()
    sizes = {}
    for k in task.contexts:
        for entrant, seen in task.entrants(k).items():
            sizes[entrant, seen] = parameter_count(task.factory(entrant, seen, 0)()[0])
    assert max(sizes.values()) < 1.12 * min(sizes.values()), sizes


@pytest.mark.parametrize("name", TASKS)
def test_entrants_read_the_same_batches_and_see_what_the_card_says(name):
    task = TASKS[name]()
    k = task.contexts[1]
    built = {entrant: task.factory(entrant, seen, 3)() for entrant, seen in task.entrants(k).items()}
    first = next(iter(built.values()))[1][5]
    for _, batches in built.values():
        assert all(torch.equal(a, b) for a, b in zip(first, batches[5], strict=True))
    if name != "translation":  # attention reads the whole source: there k is the encoder's window
        assert built[task.feed_forward][0].context_length == k
        assert all(built[rival][0].context_length is None for rival in task.recurrent)


def test_the_translators_window_is_what_its_encoder_sees():
    task = TASKS["translation"]()
    for k in task.contexts:
        model, _ = task.factory("convolutional", k, 0)()
        model.double().eval()
        source = torch.full((1, 31), 5)
        changed = source.clone()
        changed[0, 15] = 7
        keys = [model.encode(s)[0][0] for s in (source, changed)]
        moved = (keys[0] != keys[1]).any(-1).nonzero().flatten()
        assert (int(moved.min()), int(moved.max())) == (15 - k // 2, 15 + k // 2)


def test_a_race_by_batches_gives_everyone_as_many():
    laps = list(races.race(TASKS["copying"](), 7, steps=4, scores=2))
    assert [[s.batches for s in lap] for lap in laps] == [[n] * 4 for n in (1, 2, 3, 4)]
    assert [lap[0].score is None for lap in laps] == [True, False, False, False]
    assert laps[0][0].context_length == 7
    assert all(s.seconds > 0 and math.isfinite(s.loss) for s in laps[-1])


def test_a_race_by_seconds_lets_the_fast_read_more(monkeypatch):
    now, cost = 0.0, {TCN: 1, LSTM: 4, GRU: 3, TanhRNN: 2}

    def step(training, settings):
        nonlocal now
        now += cost[type(training.model.core)]
        return training_step(training, settings)

    monkeypatch.setattr(races, "time", SimpleNamespace(perf_counter=lambda: now))
    monkeypatch.setattr(races, "training_step", step)
    *_, last = races.race(TASKS["copying"](), 15, steps=12, equal="seconds", scores=1)
    # The LSTM begins its twelfth batch at 44 s, once nobody has used less; of equals the first in line goes first.
    assert {s.name: s.batches for s in last} == {"TCN": 45, "LSTM": 12, "GRU": 15, "tanh-RNN": 22}
    assert {s.name: s.seconds for s in last} == {"TCN": 45, "LSTM": 48, "GRU": 45, "tanh-RNN": 44}


def test_racing_beside_others_changes_nothing():
    task = TASKS["copying"]()
    together = races.finish(task, 7, steps=3)
    model, batches = task.factory("GRU", None, 0)()
    again = races.finish(task, 15, steps=3)
    rival = {s.name: s.loss for s in together}
    assert {s.name: s.loss for s in again if s.name != "TCN"} == {n: x for n, x in rival.items() if n != "TCN"}
    assert parameter_count(model) == next(s.parameters for s in together if s.name == "GRU")
    assert batches.steps == 50


def test_what_a_race_cannot_do_is_refused():
    task = TASKS["copying"]()
    with pytest.raises(ValueError, match="choose one of 7, 15"):
        races.race(task, 8)
    with pytest.raises(ValueError, match='"batches" or "seconds"'):
        races.race(task, 7, equal="joules")


def test_the_widest_model_fits_and_the_next_would_not():
    def build(width):
        return TCN(8, width, 2)

    width = widest(build, 5_000)
    assert parameter_count(build(width)) <= 5_000 < parameter_count(build(width + 4))
    with pytest.raises(ValueError, match="too few"):
        widest(lambda width: TanhRNN(1000, width), 100)


def test_the_artefacts_hold_every_entrant_k_and_seed_of_all_six_tasks():
    points = races.published()
    for name, make in TASKS.items():
        task = make()
        mine = [p for p in points if p.task == name]
        for entrant, seen in [(task.feed_forward, k) for k in task.contexts] + [(n, None) for n in task.recurrent]:
            found = sorted(p.seed for p in mine if (p.name, p.context_length) == (entrant, seen))
            assert found == list(races.SEEDS), (name, entrant, seen)


def test_copying_in_the_artefact_is_a_cliff():
    points = [p for p in races.published() if p.task == "copying" and p.name == "TCN"]
    for p in points:
        assert p.score == 1.0 if p.context_length > 45 else p.score < 0.16


def test_adding_in_the_artefact_needs_both_halves_within_k():
    points = [p for p in races.published() if p.task == "adding" and p.name == "TCN"]
    scores = {(p.seed, p.context_length): p.score for p in points}
    for seed in races.SEEDS:
        assert scores[seed, 63] < 0.01 < scores[seed, 15] < scores[seed, 7]


def test_twice_the_epochs_of_music_help_the_lstm_and_the_tanh_rnn_alone():
    lengths = races.music_by_length(races.MUSIC.read().points)
    for (name, _), by_epochs in lengths.items():
        best, other = by_epochs
        assert (best > other) == (name in ("LSTM", "tanh-RNN"))
        assert len(by_epochs[best]) == len(races.SEEDS)
    unfinished = lengths["tanh-RNN", None][max(races.RECURRENT_EPOCHS)]
    assert min(p.epoch for p in unfinished) > 70, "best in its last epochs: the lesson says that it has not arrived"


def test_music_in_the_figure_is_trained_for_as_many_epochs_as_the_lesson_says():
    chosen = {
        (name, next(iter(lengths))) for (name, _), lengths in races.music_by_length(races.MUSIC.read().points).items()
    }
    assert chosen == {("TCN", 20), ("GRU", 40), ("LSTM", 80), ("tanh-RNN", 80)}
