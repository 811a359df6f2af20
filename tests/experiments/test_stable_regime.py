"""The study measures what it says: merging and truncation agree with loops written out, and the artefact is whole."""

import pytest
import torch

from lessons_lib.experiments import stable_regime
from lessons_lib.experiments.reading import embedded_language

READING = embedded_language()


def model_of(family):
    model, _ = stable_regime.factory(family, seed=0, reading=READING)()
    return model.double().eval()


@pytest.mark.parametrize("family", ["rnn", "lstm"])
def test_merging_is_the_distance_of_two_readers_on_one_page(family):
    model, words = model_of(family), stable_regime.pages(READING)[:8, :6]
    found = stable_regime.merging(model, words, (0.0, 1.0))

    def after(*pages):
        _, state = model(torch.cat(pages)[None])
        parts = (state,) if isinstance(state, torch.Tensor) else state
        return torch.cat([part.flatten() for part in parts])

    with torch.no_grad():
        ratios = [
            (after(words[i - 1], words[i]) - after(words[i - 7], words[i])).norm()
            / (after(words[i - 1]) - after(words[i - 7])).norm()
            for i in range(8)
        ]
    torch.testing.assert_close(found[:, -1], torch.stack([min(ratios), max(ratios)]), rtol=1e-8, atol=0)


def test_truncation_agrees_with_reading_the_last_words_alone():
    model, words = model_of("rnn"), stable_regime.pages(READING)[:4, :9]
    quantiles, gaps = stable_regime.truncation_quantiles(model, words, (1, 3), (1.0,))
    with torch.no_grad():
        for place, k in enumerate((1, 3)):
            errors, losses = [], []
            for t in range(3, 8):  # positions with more than 3 words before them
                whole, cut = (model(words[:, first : t + 1])[0][:, -1:] for first in (0, t + 1 - k))
                errors.append((model.logits(whole) - model.logits(cut)).norm(dim=-1).max())
                losses.append(model.loss(cut, words[:, t + 1 :][:, :1]) - model.loss(whole, words[:, t + 1 :][:, :1]))
            torch.testing.assert_close(quantiles[0, place], max(errors), rtol=1e-8, atol=0)
            torch.testing.assert_close(gaps[place], sum(losses) / len(losses), rtol=1e-6, atol=1e-9)
    with pytest.raises(ValueError, match="needs sequences of more than"):
        stable_regime.truncation_quantiles(model, words, (8,))


def test_what_is_stored_holds_every_model_at_every_checkpoint():
    regimes = stable_regime.REGIMES.read().points
    found = {(r.reading, r.family, r.seed, r.step) for r in regimes}
    assert len(found) == 2 * 2 * len(stable_regime.SEEDS) * len(stable_regime.CHECKPOINTS)
    for regime in regimes:
        assert len(regime.contraction) == len(regime.truncation) == len(stable_regime.QUANTILES)
        assert all(low <= high for low, high in zip(regime.contraction[2], regime.contraction[4], strict=True))


def test_an_unknown_family_is_refused():
    with pytest.raises(ValueError, match="choose rnn or lstm"):
        stable_regime.factory("gru")()
