"""Generation: one loop for every language model, recurrent or not, because both carry a state."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import torch
from torch import Tensor

from lessons_lib.models.contract import Predictor
from lessons_lib.models.evaluating import evaluating
from lessons_lib.models.state import State


def generate(
    model: Predictor,
    prompt: Tensor,
    length: int,
    temperature: float = 1.0,
    generator: torch.Generator | None = None,
    *,
    cached: bool = True,
) -> Tensor:
    """The next ``length`` tokens: (batch, length) int64.  Arguments as for :func:`generate_tokens`."""
    if length < 1:
        raise ValueError(f"length={length}: ask for at least one token")
    tokens = generate_tokens(model, prompt, temperature, generator, cached=cached)
    return torch.stack(list(islice(tokens, length)), dim=1)


def generate_tokens(
    model: Predictor,
    prompt: Tensor,
    temperature: float = 1.0,
    generator: torch.Generator | None = None,
    *,
    cached: bool = True,
) -> Iterator[Tensor]:
    """Draw one token after the other, without end, each fed back as the next input.

    Args:
        model: a language model: forward(tokens, state), logits(features), context_length.
        prompt: (batch, time) int64, time >= 1.
        temperature: the logits are divided by it; 0 takes the most probable token.
        generator: where chance comes from, on the model's device; None: torch's own.
        cached: feed the newest token alone and let the state stand for the past: constant work per token where
            the state does not grow.  False: no state, read the whole context again for every token (everything
            so far, where the model has no finite context).  Same tokens, other cost.

    Yields:
        tokens: (batch,) int64.

    Raises:
        ValueError: the prompt is empty or not (batch, time), or the temperature is negative.
    """
    if prompt.ndim != 2 or prompt.shape[1] < 1:
        raise ValueError(f"prompt of shape {tuple(prompt.shape)}: give (batch, time) with at least one token each")
    if temperature < 0:
        raise ValueError(f"temperature={temperature}: give 0 (most probable token) or more")
    return _tokens(model, prompt, temperature, generator, cached)


def _tokens(
    model: Predictor, prompt: Tensor, temperature: float, generator: torch.Generator | None, cached: bool
) -> Iterator[Tensor]:
    unread, state = prompt, None
    while True:
        logits, state = _last_logits(model, unread, state)
        token = _choose(logits, temperature, generator)
        yield token
        newest = token.unsqueeze(1)
        if cached:
            unread = newest
        else:
            unread, state = torch.cat([unread, newest], dim=1), None
            if model.context_length is not None:
                unread = unread[:, -model.context_length :]


@torch.no_grad()
def _last_logits(model: Predictor, tokens: Tensor, state: State | None) -> tuple[Tensor, State]:
    # Evaluation mode for this one call: whoever consumes the tokens may train in between.
    with evaluating(model):
        features, state = model(tokens, state)
        return model.logits(features[:, -1]), state


def _choose(logits: Tensor, temperature: float, generator: torch.Generator | None) -> Tensor:
    if temperature == 0:
        return logits.argmax(dim=-1)
    return torch.multinomial(torch.softmax(logits / temperature, dim=-1), 1, generator=generator).squeeze(1)
