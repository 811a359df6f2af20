"""Toy translation: three families learn the same pairs, and are scored on meanings that none has seen."""

import pytest
import torch

from lessons_lib.experiments.training import trained
from lessons_lib.lessons.lesson_06 import translation


class Oracle:
    """Writes what it was told."""

    def __init__(self, task, wrong=0):
        self.answers = iter(translation.batches(task, "test", length=2))
        self.wrong = wrong

    def translate(self, source, max_length):
        told, answer = next(self.answers)
        assert torch.equal(source, told)
        assert max_length == answer.shape[1]
        answer = answer.clone()
        answer[: self.wrong, 0] = 3 + (answer[: self.wrong, 0] - 2) % 10
        return answer


@pytest.mark.parametrize("task", translation.TASKS)
def test_exact_match_counts_whole_translations(task):
    rows = 2 * translation.BATCH_SIZE
    assert translation.exact_match(Oracle(task), task, rows) == 1
    assert translation.exact_match(Oracle(task, wrong=16), task, rows) == 1 - 32 / rows


def test_families_have_about_the_same_number_of_parameters_and_read_the_same_pairs():
    built = [translation.factory(family, "dates")() for family in translation.FAMILIES]
    sizes = [sum(p.numel() for p in model.parameters()) for model, _ in built]
    assert max(sizes) < 1.1 * min(sizes)
    for _, pairs in built[1:]:
        assert all(torch.equal(a, b) for a, b in zip(pairs[7], built[0][1][7], strict=True))


@pytest.mark.parametrize("family", translation.FAMILIES)
def test_a_few_batches_teach_something_and_a_seed_repeats_it(family):
    task = "words to digits"
    build, how = translation.factory(family, task), translation.settings(translation.batches(task))
    losses = trained(build, how, steps=25).losses
    assert losses[-1] < 0.75 * losses[0]
    assert trained(build, how, steps=3).losses[:2].tolist() == pytest.approx(losses[:2].tolist())


def test_a_point_is_scored_on_unseen_meanings():
    assert 0 <= translation.point("attention", "words to digits", steps=2, rows=64).exact_match <= 1


def test_the_rate_stays_for_half_the_training_and_falls_to_nearly_nothing():
    pairs = translation.batches("dates")
    rates = [translation.settings(pairs, progress).learning_rate for progress in (0, 0.5, 0.75, 0.99)]
    assert rates == pytest.approx([translation.LEARNING_RATE * share for share in (1, 1, 0.5, 0.02)])


@pytest.mark.parametrize("family", ["attention", "convolutional"])
@pytest.mark.parametrize("task", translation.TASKS)
def test_attention_and_convolution_translate_at_least_95_of_100_exactly(family, task):
    stored = [
        one.exact_match
        for one in translation.TRANSLATIONS.read().points
        if (one.task, one.family, one.window) == (task, family, None)
    ]
    assert len(stored) == len(translation.SEEDS)
    assert min(stored) >= 0.95


@pytest.mark.slow
@pytest.mark.parametrize(("family", "task"), [("attention", "words to digits"), ("convolutional", "dates")])
def test_a_stored_translator_is_trained_again(family, task):
    assert translation.point(family, task).exact_match >= 0.95
