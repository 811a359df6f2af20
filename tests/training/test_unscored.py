"""Positions that are not scored count for nothing, wherever the gradient is cut."""

import pytest
import torch

from lessons_lib.corpora import CopyMemory
from lessons_lib.models import GRU, LanguageModel
from lessons_lib.models.adaptive import AdaptiveLanguageModel
from lessons_lib.training import Settings, TrainingState, training_step


class Marked(CopyMemory):
    """Its unscored positions marked by another negative number than -100."""

    def draw(self, rng):
        inputs, targets = super().draw(rng)
        return inputs, targets.clamp(min=-1)


@pytest.mark.parametrize("kind", [CopyMemory, Marked])
@pytest.mark.parametrize("truncation", ["chunked", "exact"])
def test_the_loss_of_a_step_does_not_depend_on_where_the_gradient_is_cut(truncation, kind):
    task = kind(20)
    losses = []
    for k in (task.steps, 20, 10, 3):
        torch.manual_seed(0)
        model = LanguageModel(GRU(8, 16), task.vocabulary_size, 8)
        settings = Settings(k, truncation=truncation, learning_rate=0.1)
        losses.append(float(training_step(TrainingState.begin(model, task), settings).loss))
    assert losses == pytest.approx([losses[0]] * len(losses), rel=1e-5)


def test_an_adaptive_softmax_leaves_out_what_is_not_scored():
    torch.manual_seed(0)
    model = AdaptiveLanguageModel(GRU(8, 8), torch.arange(200), 8, (20, 100))
    features, targets = torch.randn(1, 6, 8), torch.randint(200, (1, 6))
    masked = torch.cat([targets, torch.full((1, 3), -100)], 1)
    loss = model.loss(torch.cat([features, torch.randn(1, 3, 8)], 1), masked)
    torch.testing.assert_close(loss, model.loss(features, targets))
