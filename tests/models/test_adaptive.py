"""The adaptive softmax: the tiled loss is torch's, and its probabilities are a distribution over all words."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lessons_lib.models import LSTM
from lessons_lib.models.adaptive import AdaptiveLanguageModel


def small(seed, words=60, cutoffs=(10, 30)):
    torch.manual_seed(seed)
    model = AdaptiveLanguageModel(LSTM(8, 8), torch.randint(100, (words,)), 8, cutoffs)
    tokens = torch.randint(words, (3, 7))
    return model, model(tokens)[0], torch.randint(words, (3, 7))


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 99), cutoffs=st.sampled_from([(10, 30), (59,), (1, 2, 50)]))
def test_loss_and_gradients_are_those_of_torchs_adaptive_softmax(seed, cutoffs):
    model, features, targets = small(seed, cutoffs=cutoffs)
    leaves = [features, *model.decoder.parameters()]
    ours = model.loss(features, targets)
    theirs = model.decoder(features.flatten(0, 1), model.rank[targets.flatten()]).loss
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-5)
    for mine, reference in zip(
        torch.autograd.grad(ours, leaves, retain_graph=True, allow_unused=True),
        torch.autograd.grad(theirs, leaves, allow_unused=True),
        strict=True,
    ):
        mine, reference = (torch.zeros(1) if g is None else g for g in (mine, reference))
        assert (mine - reference).norm() <= 1e-5 * reference.norm() + 1e-7


def test_probabilities_sum_to_one_and_give_the_loss():
    model, features, targets = small(0)
    log_p = model.logits(features)
    assert torch.allclose(log_p.exp().sum(-1), torch.ones(3, 7))
    picked = log_p.gather(-1, targets.unsqueeze(-1)).mean()
    assert model.loss(features, targets).item() == pytest.approx(-picked.item(), rel=1e-5)


def test_cutoffs_that_do_not_fit_the_vocabulary_are_refused():
    with pytest.raises(ValueError, match="increasing ranks below the vocabulary"):
        small(0, words=20)
