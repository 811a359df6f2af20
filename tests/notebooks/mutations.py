"""For every lesson one function of the library which, broken, must turn the lesson red under nbval.

`Mutation("lessons_lib.stability", "SpectralBall.project_", moves_nothing)`: where the function is found, its dotted
name there, and what stands in its place. A good mutation is wrong, not loud: it returns a value of the right
kind, so that it is the lesson's own checks which must notice.
"""

import importlib
import math
import pkgutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import torch


@dataclass(frozen=True)
class Mutation:
    """One function to break."""

    module: str
    name: str
    broken: Callable[..., Any]


def moves_nothing(self: Any, module: Any) -> torch.Tensor:
    """A projection that leaves the module as it is, and says so."""
    return torch.zeros(())


def counts_every_token(model: Any, tokens: torch.Tensor, *, segment: int = 1024) -> float:
    """A perplexity that divides by N tokens and not by N - 1 predictions."""
    from lessons_lib.training import mean_loss

    return math.exp(mean_loss(model, tokens, segment=segment) * (len(tokens) - 1) / len(tokens))


def never_cuts(model: Any, inputs: Any, targets: Any, carried: Any, truncation_length: int) -> tuple[Any, Any]:
    """Chunked truncation that lets the gradient through the whole step, whatever k."""
    from lessons_lib.models import detach_state

    features, carried = model(inputs, detach_state(carried))
    loss = model.loss(features, targets)
    loss.backward()
    return loss.detach(), detach_state(carried)


def sees_one_ahead(self: Any, inputs: Any, state: Any = None) -> tuple[Any, Any]:
    """A convolution whose window ends one input in the future."""
    past = inputs.new_zeros(len(inputs), self.context_length - 1, self.input_size) if state is None else state
    window = torch.cat([past, inputs, torch.zeros_like(inputs[:, :1])], dim=1)
    outputs = self.convolution(window[:, 1:].transpose(1, 2)).transpose(1, 2)
    return outputs, window[:, inputs.shape[1] : -1]


def norm_for_radius(matrix: torch.Tensor) -> torch.Tensor:
    """The largest singular value in place of the largest |eigenvalue|."""
    return torch.linalg.matrix_norm(matrix, 2)


def never_caches(model: Any, prompt: Any, temperature: float, generator: Any, cached: bool) -> Any:
    """Generation that reads everything again for every token, cache or not."""
    from lessons_lib.models.generation import _choose, _last_logits

    unread = prompt
    while True:
        token = _choose(_last_logits(model, unread, None)[0], temperature, generator)
        yield token
        unread = torch.cat([unread, token.unsqueeze(1)], dim=1)


def never_resets(core: Any, inputs: Any, max_context: int) -> Any:
    """Truncated outputs, k after k, in which the state goes on from the beginning of the text."""
    outputs, _ = core(inputs)
    return iter([outputs] * max_context)


def ignores_dilation(self: Any, inputs: Any, state: Any = None) -> tuple[Any, Any]:
    """A causal convolution whose taps lie side by side, whatever its dilation."""
    reach = self.context_length - 1
    past = inputs.new_zeros(len(inputs), reach, self.input_size) if state is None else state
    inputs = torch.cat([past, inputs], dim=1)
    taps = torch.nn.functional.conv1d(inputs.mT, self.convolution.weight, self.convolution.bias).mT
    return taps[:, taps.shape[1] - (inputs.shape[1] - reach) :], inputs[:, inputs.shape[1] - reach :]


def joins_reaches_with_a_gap(layers: Any) -> int | None:
    """A context length that counts every layer's own input again."""
    lengths = [layer.context_length for layer in layers]
    return None if None in lengths else sum(lengths)


def one_rate_for_all_layers(module: Any, context_lengths: Any, **limits: Any) -> list[float]:
    """λ^k times the top layer's box, λ the largest ‖W‖: true of one layer, and of no more."""
    from lessons_lib.stability import certified_rate, layers_of

    return [certified_rate(module) ** k * layers_of(module)[-1].hidden_size ** 0.5 for k in context_lengths]


def measures_squares(model: Any, inputs: torch.Tensor, change: float = 1.0) -> torch.Tensor:
    """An influence that is the square of a distance."""
    rows = []
    with torch.no_grad():
        before = model(inputs)[0]
        for s in range(inputs.shape[1]):
            moved = inputs.clone()
            moved[:, s] += change / inputs.shape[2] ** 0.5
            rows.append((model(moved)[0] - before).square().sum(-1).mean(0))
    return torch.stack(rows)


def joins_in_the_wrong_order(first: torch.Tensor, b: torch.Tensor, second: torch.Tensor, c: torch.Tensor) -> Any:
    """Two steps joined as if the later one came first."""
    if first.dim() == b.dim():
        return second * first, first * c + b
    return first @ second, (first @ c.unsqueeze(-1)).squeeze(-1) + b


MUTATIONS = {
    "00_start_here": Mutation("lessons_lib.stability", "SpectralBall.project_", moves_nothing),
    "01_two_kinds": Mutation("lessons_lib.models", "CausalConvolution.forward", sees_one_ahead),
    "02_recurrent_models": Mutation("lessons_lib.stability", "influence", measures_squares),
    "03_feed_forward_models": Mutation("lessons_lib.models.convolution", "context_of", joins_reaches_with_a_gap),
    "04_truncated_backpropagation": Mutation("lessons_lib.training.truncation", "backward_chunked", never_cuts),
    "06_where_feed_forward_matches": Mutation("lessons_lib.models", "CausalConvolution.forward", ignores_dilation),
    "08_stability": Mutation("lessons_lib.stability", "spectral_radius", norm_for_radius),
    "05_why_feed_forward": Mutation("lessons_lib.models.generation", "_tokens", never_caches),
    "07_n_gram_lstm": Mutation("lessons_lib.models.windowed", "truncated_outputs", never_resets),
    "09_projection": Mutation("lessons_lib.stability", "LSTMStableSet.project_", moves_nothing),
    "10_same_predictions": Mutation("lessons_lib.stability", "truncation_bounds", one_rate_for_all_layers),
    "11_same_training": Mutation("lessons_lib.stability", "SpectralBall.project_", moves_nothing),
    "12_wikitext2": Mutation("lessons_lib.training", "perplexity", counts_every_token),
    "13_open_questions": Mutation("lessons_lib.models.newton", "join", joins_in_the_wrong_order),
}


def apply(mutation: Mutation) -> None:
    """Put the broken function wherever this process knows the whole one.

    AttributeError when there is no such function: a mutation must not outlive what it breaks.
    """
    *owner, name = mutation.name.rsplit(".", 1)
    module = importlib.import_module(mutation.module)
    holders = [attrgetter(*owner)(module) if owner else module]
    whole = getattr(holders[0], name)
    if not owner:
        # Other modules hold the function under their own names: import them all, then look everywhere.
        package = importlib.import_module(mutation.module.partition(".")[0])
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith("__main__"):
                importlib.import_module(found.name)
        holders = [m for m in list(sys.modules.values()) if getattr(m, "__dict__", {}).get(name) is whole]
    for holder in holders:
        setattr(holder, name, mutation.broken)
