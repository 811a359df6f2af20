"""The first minute works on every seed: memory collapses within five steps of the pull, and the loss is no worse."""

from contextlib import closing

import pytest
import torch

from lessons_lib.corpora import DataUnavailable, wikitext2
from lessons_lib.experiments import by_budget, reading
from lessons_lib.experiments.reading import SAMPLE, WORDS, Text, embedded_language, text
from lessons_lib.lessons.lesson_00 import experiment as first_minute
from lessons_lib.runs import Run
from lessons_lib.stability import SpectralBall, singular_values
from tests.waiting import wait_for

SEEDS = range(5)


def the_text(name: str) -> Text:
    if name == "embedded":
        return embedded_language()
    try:
        wikitext2(WORDS)
    except DataUnavailable:
        pytest.skip("WikiText-2 is not on this machine: set LESSONS_DATA_DIR")
    return text()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "short"), [("embedded", (100, 150)), ("WikiText-2", (100, 180))])
def test_the_error_falls_fiftyfold_in_five_steps_and_the_loss_ends_below_the_twin(name, short):
    reading = the_text(name)
    at, steps = by_budget(ci=short, laptop=(300, 600))
    for seed in SEEDS:
        seen = first_minute.pull(seed, at=at, steps=steps, after=5, reading=reading)
        assert seen.error[0] > 50 * seen.error[1], f"seed {seed}: truncation error {seen.error}"
        assert seen.gradient[1] < 0.2, f"seed {seed}: gradient at lag 20 {seen.gradient}"
        bounded, free = seen.final
        assert bounded < free, f"seed {seed}: loss {bounded:.3f}, twin {free:.3f}"


def test_the_start_is_twice_orthogonal_and_the_same_each_time():
    build = first_minute.factory(3, embedded_language())
    before = torch.random.get_rng_state()
    (model, stream), (again, _) = build(), build()
    assert torch.equal(torch.random.get_rng_state(), before), "building a model leaves the reader's seed alone"
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))
    assert torch.allclose(singular_values(model)[0], torch.full((first_minute.WIDTH,), 2.0), atol=1e-4)
    assert (stream.batch_size, stream.steps) == (20, 50)


def test_a_live_run_pulled_by_hand_measures_what_the_recipe_measures():
    reading = embedded_language()
    run = Run(
        first_minute.factory(0, reading),
        first_minute.settings(),
        name="first minute, tested",
        steps=30,
        probe=first_minute.probe(reading),
        twin=True,
    )
    with closing(run):
        for _ in range(20):
            run.step()
        wait_for(lambda: run.state == "failed" or (run.state == "paused" and run.step_count == 20))
        run.update(stable_set=SpectralBall(first_minute.BOUND))
        run.start()
        history = run.result(timeout=120)
    assert history.steps == list(range(30))
    assert [change.step for change in history.changes] == [20]
    assert history.twin_steps == list(range(20, 30))
    measured = history.measured
    assert max(measured.singular_values) <= first_minute.BOUND * (1 + 1e-5)
    assert all(e <= b for e, b in zip(measured.truncation_error, measured.truncation_bound, strict=True))


def test_the_embedded_language_says_that_it_stands_in():
    reading = embedded_language()
    assert "WikiText-2 is not on this machine" in reading.label
    assert reading.vocabulary_size == 64
    assert reading.optimal_loss == pytest.approx(6 * 0.198515, abs=1e-4)
    assert reading.sample().shape == SAMPLE


def test_without_the_text_the_embedded_language_takes_over(monkeypatch):
    def absent(_):
        raise DataUnavailable("not here")

    monkeypatch.setattr(reading, "wikitext2", absent)
    text.cache_clear()
    try:
        assert text() is embedded_language()
    finally:
        text.cache_clear()


def test_a_pull_too_close_to_the_end_is_refused():
    with pytest.raises(ValueError, match="at least 20 steps after the pull"):
        first_minute.pull(0, at=10, steps=20)


def test_a_rival_with_the_ordinary_start_is_pytorchs_and_needs_no_bound():
    build = first_minute.factory(0, embedded_language(), start="PyTorch's own")
    limit = first_minute.WIDTH**-0.5
    weights = build()[0].core.cells[0].weight_hh_l0
    assert float(weights.detach().abs().max()) <= limit
    assert float(weights.detach().std()) == pytest.approx(limit / 3**0.5, rel=0.03)
    bounded = first_minute.rival("2 x orthogonal", 0.9, 0, steps=20, reading=embedded_language())
    assert bounded.norm <= 0.9 * (1 + 1e-5)
    free = first_minute.rival("2 x orthogonal", None, 0, steps=20, reading=embedded_language())
    assert free.norm > 1.9
    assert free.error > bounded.error
