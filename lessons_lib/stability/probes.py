"""What a model really does, measured on data: the other half of every certificate."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import cast

import torch
from torch import Tensor, nn

from lessons_lib.corpora.tasks import scored
from lessons_lib.models import (
    Core,
    Predictor,
    Recurrent,
    State,
    TorchModule,
    Trainable,
    evaluating,
    map_state,
    truncated_outputs,
)
from lessons_lib.stability.layers import layers_of
from lessons_lib.stability.rates import linear_recurrences, row_norms


@contextmanager
def probing(model: TorchModule) -> Iterator[None]:
    """:func:`evaluating`, where gradients may be asked for."""
    # cuDNN differentiates through a recurrent layer in training mode alone.  Without dropout between its own layers
    # that mode changes nothing else, and the process's flags, which other threads read, stay as they are.
    recurrent = [module for module in model.modules() if isinstance(module, nn.RNNBase)]
    dropouts = [layer.dropout for layer in recurrent]
    with evaluating(model):
        try:
            for layer in recurrent:
                layer.training, layer.dropout = True, 0.0
            yield
        finally:
            for layer, dropout in zip(recurrent, dropouts, strict=True):
                layer.dropout = dropout


@torch.no_grad()
def singular_values(module: TorchModule) -> Tensor:
    """The singular values of every recurrent matrix, largest first: (layers, hidden).

    An LSTM's or GRU's matrix stacks its gates' blocks, so that its values bound no rate.  A diagonal recurrence's are
    its |λ|, a quasi-recurrent layer's the ceilings of its forget gates.  Where layers differ in width the shorter rows
    end in zeros.  NaN where a matrix is not finite.

    Raises:
        ValueError: when the module has no recurrent layer, of torch.nn or linear.
    """
    weights = [layer.weight_hh for layer in layers_of(module)]
    found = [
        torch.linalg.svdvals(weight) if bool(weight.isfinite().all()) else weight.new_full(weight.shape[1:], torch.nan)
        for weight in weights
    ]
    found += [layer.largest_eigenvalues().sort(descending=True).values for layer in linear_recurrences(module)]
    if not found:
        raise ValueError(f"{type(module).__name__} holds no recurrent layer, of torch.nn or linear")
    return torch.nn.utils.rnn.pad_sequence(found, batch_first=True)


@torch.no_grad()
def gate_norms(module: TorchModule) -> dict[str, float]:
    """The largest row l1 norm of the first layer's recurrent blocks, by gate: i, f, z (torch's g), o.

    Raises:
        ValueError: when that layer is no LSTM.
    """
    layers = layers_of(module)
    if not layers or layers[0].kind != "lstm":
        raise ValueError(f"{type(module).__name__} does not begin with an LSTM layer: only those have these gates")
    blocks = row_norms(layers[0].weight_hh).chunk(4)
    return dict(zip("ifzo", torch.stack(blocks).amax(1).tolist(), strict=True))


@torch.no_grad()
def carries_state(model: Trainable, inputs: Tensor) -> bool:
    """Whether the whole past reaches a model through a state (layers, batch, hidden) that never grows.

    A feed-forward model does not see the whole past; a Transformer without a window keeps all that it has read.

    Args:
        inputs: (batch, time, ...) as the model reads them; the first one is read.
    """
    if model.context_length is not None:
        return False
    with probing(model):
        _, state = model(inputs[:, :1])
    return all(part.dim() == 3 for part in tensors_of(state))


def gradient_by_lag(
    model: Trainable, tokens: Tensor, max_lag: int | None = None, *, targets: Tensor | None = None
) -> Tensor:
    """How strongly the loss at one position still feels the state some steps earlier.

    Entry j is the mean over scored positions and sequences of ‖d loss_t / d state_{t-j}‖_2, where loss_t = -ln p of
    token t+1, or of target t.  Entry 0 is the norm at the features themselves.  For an LSTM the state is (h, c)
    jointly, for several layers all of them.  Divide by entry 0 for the share that survives j steps.

    One reverse sweep: the head's gradient is computed once for all positions, and the adjoints of every later
    position travel back through each step together, stacked on the batch axis.

    Args:
        model: a recurrent model with ``forward(tokens, state) -> (features, state)``, states of shape
            (layers, batch, hidden), and ``loss(features, targets)`` the mean over positions.
        tokens: (time,) or (batch, time), int64, or vectors (batch, time, size); the last one is only predicted.
        max_lag: the largest lag wanted; time - 2 (all of them) by default.
        targets: what is to be said at every one of the tokens, of their shape or (..., size), -100 where nothing is
            scored; None: the next token.

    Returns:
        (max_lag + 1,), with the model's type; no gradient is left anywhere.

    Raises:
        ValueError: for a model that carries no state of fixed size, or fewer than two tokens.
    """
    if tokens.dim() == 1:
        tokens, targets = tokens.unsqueeze(0), None if targets is None else targets.unsqueeze(0)
    inputs, targets = (tokens[:, :-1], tokens[:, 1:]) if targets is None else (tokens, targets)
    batch, time = inputs.shape[:2]
    if not time:
        raise ValueError("gradient_by_lag needs at least two tokens: one to read and one to predict")
    if not carries_state(model, inputs):
        raise ValueError("gradient_by_lag follows a recurrent state: this model is feed-forward, or keeps all it reads")
    max_lag = time - 1 if max_lag is None else max(0, min(max_lag, time - 1))
    counted = scored(targets if targets.dim() == 2 else targets[..., 0])
    with probing(model):
        states: list[State] = []  # states[t]: after input t
        features = []
        state: State | None = None
        with torch.no_grad():
            for t in range(time):
                feature, state = model(inputs[:, t : t + 1], state)
                features.append(feature)
                states.append(state)
        with torch.enable_grad():
            leaf = torch.cat(features, dim=1).requires_grad_()
            total = model.loss(leaf, targets) * counted.sum()
            (head,) = torch.autograd.grad(total, leaf)
        sums = head.new_zeros(max_lag + 1)
        sums[0] = head.norm(dim=-1).sum()
        adjoint: State | None = None  # (layers, positions x batch, hidden), the latest position last
        for t in range(time - 1, 0, -1) if max_lag else ():
            now = slice(t, t + 1)
            adjoint = _one_step_back(model, inputs[:, now], states[t - 1], adjoint, head[:, now], max_lag)
            norms = _norms(adjoint).unflatten(0, (-1, batch)).sum(-1)  # (positions,): lags 1, 2, ...
            sums[1 : len(norms) + 1] += norms
    since = counted.sum(0).flip(0).cumsum(0).flip(0)  # how many are scored at a position or later
    return sums / since[: max_lag + 1].clamp(min=1)


def _one_step_back(
    model: Trainable, token: Tensor, state: State, adjoint: State | None, head: Tensor, most: int
) -> State:
    """Take every position's adjoint from after this step to before it; its own position joins in front."""
    batch = len(token)
    older = 0 if adjoint is None else min(_batch_of(adjoint) // batch, most - 1)
    copies = older + 1
    with torch.enable_grad():
        before = map_state(lambda s: s.repeat(1, copies, 1).requires_grad_(), state)
        feature, after = model(torch.cat([token] * copies), before)
    upon_features = torch.cat([head, head.new_zeros(older * batch, *head.shape[1:])])

    def behind_zeros(later: Tensor) -> Tensor:
        kept = later[:, : older * batch]
        return torch.cat([kept.new_zeros(len(kept), batch, kept.shape[2]), kept], dim=1)

    outputs, gradients = [feature], [upon_features]
    if adjoint is not None:
        outputs += tensors_of(after)
        gradients += tensors_of(map_state(behind_zeros, adjoint))
    leaves = tensors_of(before)
    found = iter(torch.autograd.grad(outputs, leaves, gradients))
    return map_state(lambda _: next(found), before)


@torch.no_grad()
def contraction(module: nn.Module, inputs: Tensor, first_state: State, second_state: State) -> Tensor:
    """How far apart two copies of a model are that read the same inputs from different states.

    Args:
        module: any model with ``forward(inputs, state) -> (outputs, state)``, batch first.
        inputs: (batch, time, ...) what it reads: vectors, or tokens (batch, time).
        first_state, second_state: states of shape (layers, batch, hidden); (h, c) pairs for an LSTM.

    Returns:
        (batch, time): the Euclidean distance of the two whole states after each input, divided by their
        distance at the start (NaN where that is zero).
    """
    batch = len(inputs)
    both = torch.cat([inputs, inputs])
    state = map_state(lambda a, b: torch.cat([a, b], dim=1), first_state, second_state)

    def distance(state: State) -> Tensor:
        return _norms(map_state(lambda s: s[:, :batch] - s[:, batch:], state))

    start = distance(state)
    distances = []
    with probing(module):
        for t in range(inputs.shape[1]):
            _, state = module(both[:, t : t + 1], state)
            distances.append(distance(state))
    return torch.stack(distances, dim=1) / start.unsqueeze(1)


@torch.no_grad()
def truncation_error(
    model: Predictor | Core, inputs: Tensor, context_lengths: Sequence[int], *, order: float = 2.0
) -> Tensor:
    """The largest difference between a model's outputs and its k-truncation's, for each k.

    One sweep serves every k where the core is :class:`~lessons_lib.models.Recurrent`; another one reads the last k
    inputs of every position anew, for each k below its own context length.

    Args:
        model: a language model, or one of frames, whose logits are compared; or a core, whose outputs are.
        inputs: (time,) or (batch, time) tokens for a language model, (batch, time, input_size) vectors otherwise.
        context_lengths: the k's.
        order: of the norm over logits or units: 2 to set beside an RNN's bound, ``math.inf`` beside an
        LSTM's.

    Returns:
        (len(context_lengths),): the maximum over positions and sequences, both models started from zero.

    Raises:
        ValueError: no context length, or one below 1.
    """
    if not context_lengths:
        raise ValueError("context_lengths is empty: give at least one k")
    if min(context_lengths) < 1:
        raise ValueError(f"context_lengths={list(context_lengths)}: a prediction needs at least its own input")
    predictor = cast(Predictor, model) if hasattr(model, "logits") else None
    core = cast(Core, model) if predictor is None else predictor.core
    head = nn.Identity() if predictor is None else predictor.logits
    wanted, errors = set(context_lengths), {}
    with probing(model):
        if predictor is not None:
            inputs = predictor.embed(inputs.unsqueeze(0) if inputs.dim() == 1 else inputs)
        whole = core(inputs)[0]
        full = head(whole)
        cut: Iterable[tuple[int, Tensor]]
        if isinstance(core, Recurrent):
            cut = zip(itertools.count(1), truncated_outputs(core, inputs, max(wanted)), strict=False)
        else:
            cut = ((k, _read_anew(core, inputs, whole, k)) for k in wanted)
        for k, outputs in cut:
            if k in wanted:
                errors[k] = torch.linalg.vector_norm(full - head(outputs), ord=order, dim=-1).max()
    return torch.stack([errors[k] for k in context_lengths])


def _read_anew(core: Core, inputs: Tensor, whole: Tensor, context_length: int) -> Tensor:
    """``whole``, the core's outputs, where every position has read the last k inputs alone, from a zero state."""
    k, reach = context_length, core.context_length
    if k >= inputs.shape[1] or (reach is not None and k >= reach):
        return whole
    windows = inputs.unfold(1, k, 1).movedim(-1, 2)  # (batch, time - k + 1, k, width)
    last = core(windows.flatten(0, 1))[0][:, -1].unflatten(0, windows.shape[:2])
    return torch.cat([whole[:, : k - 1], last], dim=1)


def tensors_of(state: State) -> list[Tensor]:
    """A state's tensors in order, each (layers, batch, hidden)."""
    return [state] if isinstance(state, Tensor) else [t for part in state for t in tensors_of(part)]


def _norms(state: State) -> Tensor:
    """The Euclidean norm of each sequence's whole state: (batch,)."""
    return torch.cat([s.transpose(0, 1).flatten(1) for s in tensors_of(state)], dim=1).norm(dim=1)


def _batch_of(state: State) -> int:
    return tensors_of(state)[0].shape[1]
