"""Models of chorales: scored as published, kept in their sets, repeatable, and playable."""

import math
from dataclasses import replace
from functools import partial
from itertools import product

import pytest
import torch

from lessons_lib.corpora import Chorales, frame_loss, render_chords
from lessons_lib.corpora.music import KEYS
from lessons_lib.experiments import chorales
from lessons_lib.stability import gradient_by_lag
from lessons_lib.training import train


@pytest.fixture(scope="module")
def made_up() -> chorales.Music:
    whole = chorales.embedded_music()
    return chorales.Music("ten short pieces", Chorales(*(part[:10] for part in vars(whole.pieces).values())))


def test_the_score_is_the_sum_over_keys_averaged_over_all_predicted_frames(made_up):
    model, _ = chorales.factory("RNN", reading=made_up)()
    pieces = made_up.pieces.test
    total, frames = 0.0, 0
    with torch.no_grad():
        for piece in pieces:
            features, _ = model(piece[None, :-1])
            total += float(frame_loss(model.logits(features), piece[None, 1:])) * (len(piece) - 1)
            frames += len(piece) - 1
    assert chorales.score(model, pieces) == pytest.approx(total / frames, rel=1e-5)


@pytest.mark.parametrize("row", chorales.ROWS)
def test_every_row_ends_in_its_set_and_keeps_its_best_epoch(row, made_up):
    fit = chorales.fit(row, seed=1, epochs=3, reading=made_up)
    assert chorales.ROWS[row].stable_set.contains(fit.model)
    assert fit.valid[fit.epoch - 1] == min(fit.valid)
    assert chorales.score(fit.model, made_up.pieces.valid) == pytest.approx(min(fit.valid), rel=1e-6)
    again = chorales.fit(row, seed=1, epochs=3, reading=made_up)
    assert again.valid == fit.valid


def test_samples_are_frames_that_chance_repeats_and_that_sound(made_up):
    model, _ = chorales.factory("LSTM", reading=made_up)()
    prompt = made_up.pieces.test[0][:3]
    frames = chorales.sample(model, prompt, 6, seed=0)
    assert frames.shape == (6, KEYS)
    assert set(frames.unique().tolist()) <= {0.0, 1.0}
    assert torch.equal(frames, chorales.sample(model, prompt, 6, seed=0))
    assert not torch.equal(frames, chorales.sample(model, prompt, 6, seed=1))
    assert abs(render_chords(frames, 0.3, 8000)).max() > 0.5
    with pytest.raises(ValueError, match="one frame or more"):
        chorales.sample(model, prompt[:0], 6, seed=0)


def test_the_rows_of_the_study_are_refused_when_unknown():
    with pytest.raises(ValueError, match="choose one of RNN"):
        chorales.factory("GRU")


@pytest.mark.parametrize("row", ["stable RNN", "stable LSTM"])
def test_measured_errors_stay_under_the_theorem_for_frames(row, made_up):
    model, batches = chorales.factory(row, reading=made_up)()
    settings = chorales.settings(row, reading=made_up)
    for _ in train(model, batches, settings, steps=3, optimizer="adam"):
        pass
    found = chorales.probe(made_up)(model, settings)
    assert found.rate < 1
    assert found.held_out_loss == pytest.approx(chorales.score(model, made_up.pieces.valid[:4]), rel=1e-6)
    assert (found.gates is None) == (row == "stable RNN")
    pairs = zip(found.truncation_error, found.truncation_bound, strict=True)
    assert all(error <= bound * (1 + 1e-5) + 1e-6 for error, bound in pairs)


def test_the_gradient_by_lag_follows_frames_as_it_follows_tokens(made_up):
    model, _ = chorales.factory("RNN", reading=made_up)()
    piece = made_up.pieces.valid[0][None, :8]
    found = gradient_by_lag(model, piece)
    # By autograd, at lag 1: each position's loss by the state one step earlier.
    state, states = None, []
    for t in range(7):
        _, state = model(piece[:, t : t + 1], state)
        states.append(state.detach().requires_grad_())
    norms = []
    for t in range(1, 7):
        features, _ = model(piece[:, t : t + 1], states[t - 1])
        loss = model.loss(features, piece[:, t + 1 : t + 2])
        norms.append(torch.autograd.grad(loss, states[t - 1])[0].norm())
    assert float(found[1]) == pytest.approx(float(torch.stack(norms).mean()), rel=1e-4)


def test_no_frame_is_larger_than_the_theorem_is_told(made_up):
    model, _ = chorales.factory("RNN", reading=made_up)()
    frames = torch.cat(made_up.pieces.train)
    for order in (2.0, math.inf):
        assert torch.linalg.vector_norm(model.embed(frames), order, dim=1).max() <= model.input_bound(order)
    eight = torch.zeros(KEYS).index_fill(0, torch.arange(chorales.MOST_KEYS), 1.0)
    assert float(eight.norm()) == pytest.approx(model.input_bound(2.0))
    assert model.input_bound(math.inf) == 1


def test_what_is_stored_says_what_it_claims():
    points = chorales.CHORALES.read().points
    assert chorales.learning_rates(points).keys() == chorales.ROWS.keys()
    scored = [p for p in points if p.purpose == "score"]
    assert {(p.row, p.seed) for p in scored} == set(product(chorales.ROWS, chorales.SEEDS))
    for run in scored:
        assert min(run.curve) == pytest.approx(run.valid, abs=1e-3)
        assert run.row in ("RNN", "LSTM") or run.rate < 1


def test_every_rate_is_tried_before_the_best_is_scored_with_every_seed(made_up, tmp_path, monkeypatch):
    monkeypatch.setattr(chorales, "ROWS", {"stable RNN": chorales.ROWS["stable RNN"]})
    small = replace(chorales.CHORALES, measure=partial(chorales.measure, epochs=1, reading=made_up), data={})
    small.run(folder=tmp_path)
    points = small.read(tmp_path).points
    tried, scored = points[: len(chorales.RATES)], points[len(chorales.RATES) :]
    assert [p.learning_rate for p in tried] == list(chorales.RATES)
    assert {p.test for p in tried} == {None}, "the test pieces choose nothing"
    best = min(tried, key=lambda p: p.valid).learning_rate
    assert [(p.seed, p.learning_rate) for p in scored] == [(seed, best) for seed in chorales.SEEDS]
    assert all(math.isfinite(p.test) and p.rate < 1 for p in scored)
