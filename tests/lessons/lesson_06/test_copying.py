"""Copying: the context length decides, for a reason that can be checked without training."""

import math

import pytest
import torch

from lessons_lib.lessons.lesson_06 import copying

# Three layers see 15 tokens: an answer 14 steps back is the farthest they see, one 15 steps back the nearest they miss.
LAYERS, SEEN, MISSED = 3, 9, 10


def test_a_context_as_long_as_the_lag_cannot_hold_the_answer():
    for delay, reaches in ((SEEN, True), (MISSED, False)):
        model, batches = copying.factory(copying.tcn(LAYERS), delay)()
        model.eval()
        assert (model.context_length > batches.lag) == reaches
        inputs, targets = batches[0]
        for place in range(copying.LENGTH):
            changed = inputs.clone()
            changed[:, place] = inputs[:, place] % copying.SYMBOLS + 1
            answer = batches.steps - copying.LENGTH + place
            assert torch.equal(targets[:, answer], inputs[:, place])
            same = torch.equal(model(changed)[0][:, answer], model(inputs)[0][:, answer])
            assert same == (not reaches)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_farthest_answer_seen_is_copied_and_the_nearest_one_missed_stays_at_chance(seed):
    assert copying.learn(copying.tcn(LAYERS), SEEN, seed=seed).accuracy >= 0.99
    missed = copying.learn(copying.tcn(LAYERS), MISSED, seed=seed)
    assert missed.accuracy == pytest.approx(1 / copying.SYMBOLS, abs=0.03)
    assert min(missed.loss) > math.log(copying.SYMBOLS) - 0.1


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_lessons_tcn_copies_over_forty_steps_of_silence(seed):
    assert copying.learn(copying.tcn(5), seed=seed).accuracy == 1.0


def test_a_factory_builds_the_same_twice_and_leaves_chance_alone():
    before = torch.random.get_rng_state()
    (first, _), (second, _) = (copying.factory(copying.recurrent("LSTM"))() for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert torch.equal(torch.random.get_rng_state(), before)
