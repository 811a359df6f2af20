"""Synthetic languages whose best possible loss is known exactly, for every length of context.

For each, ``optimal_loss(k)`` is H_k: the entropy, in nats, of the next token given the ``k`` tokens before
it, in the stationary process.  No model that sees ``k`` tokens can do better on average, and ``exp`` of it is
the optimal perplexity.  ``None`` stands for the whole past: the entropy rate.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from math import log

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

Floats = NDArray[np.float64]


def entropy(probabilities: Floats) -> Floats:
    """Entropy in nats of the distributions along the last axis, with 0 ln 0 = 0."""
    logs = np.log(probabilities, where=probabilities > 0, out=np.zeros_like(probabilities))
    return -(probabilities * logs).sum(-1)


def binary_entropy(probability: ArrayLike) -> Floats:
    """h(p) in nats."""
    p = np.asarray(probability, dtype=np.float64)
    return entropy(np.stack([p, 1 - p], axis=-1))


class ProductOfLags:
    """Independent bits, each a noisy copy of its own past.

    A token is an integer of J bits; bit j repeats its own value ``lags[j]`` steps ago, flipped with
    probability ``flips[j]``.  A model needs context ``lags[j]`` for bit j, and none of that bit can be
    predicted with less:

        H_k = sum over j of  h(flips[j]) if k >= lags[j] else ln 2

    Raises:
        ValueError: no bits, unequal lengths, a lag below 1, or a flip probability outside [0, 1].
    """

    def __init__(self, lags: Sequence[int], flips: Sequence[float]) -> None:
        if not 1 <= len(lags) <= 16 or len(lags) != len(flips):
            raise ValueError(f"{len(lags)} lags and {len(flips)} flips: pass one of each for every bit, 1 to 16 bits")
        if any(lag < 1 or lag != int(lag) for lag in lags):
            raise ValueError(f"lags={tuple(lags)}: every lag must be a whole number of steps, at least 1")
        if not all(0 <= flip <= 1 for flip in flips):
            raise ValueError(f"flips={tuple(flips)}: every flip probability must lie in [0, 1]")
        self.lags = tuple(int(lag) for lag in lags)
        self.flips = tuple(float(flip) for flip in flips)

    @property
    def vocabulary_size(self) -> int:
        return int(2 ** len(self.lags))

    def optimal_loss(self, context_length: int | None) -> float:
        """H_k in nats for ``k = context_length`` tokens of context; None: the whole past."""
        _check_context(context_length)
        return sum(
            float(binary_entropy(flip)) if context_length is None or context_length >= lag else log(2)
            for lag, flip in zip(self.lags, self.flips, strict=True)
        )

    def sample(self, length: int, seed: int) -> Tensor:
        """``(length,)`` int64 tokens.  The first ``lag`` values of each bit are uniform: the process is
        stationary.
        """
        _check_length(length)
        uniform = np.random.default_rng(seed).random((length, len(self.lags)))
        tokens = np.zeros(length, dtype=np.int64)
        for j, (lag, flip) in enumerate(zip(self.lags, self.flips, strict=True)):
            changes = uniform[:, j] < flip
            changes[:lag] = uniform[:lag, j] < 0.5
            # Position t depends on t - lag only: each residue class mod lag is its own chain of flips.
            rows = -(-length // lag)
            chains = np.zeros(rows * lag, dtype=bool)
            chains[:length] = changes
            bits = np.logical_xor.accumulate(chains.reshape(rows, lag), axis=0).reshape(-1)[:length]
            tokens |= bits.astype(np.int64) << j
        return torch.from_numpy(tokens)

    def __repr__(self) -> str:
        return f"ProductOfLags(lags={self.lags}, flips={self.flips})"


class Renewal:
    """Events (token 1) separated by independent random gaps; everything else is silence (token 0).

    ``gap_probabilities[n - 1]`` is P(gap = n).  What matters is the age a, the steps since the last event.
    With S(a) = P(gap > a), the stationary age has pi_a = S(a) / sum(S) and the hazard of an event is z_a =
    P(gap = a + 1) / S(a).  With k tokens one sees the age if it is below k, and otherwise only that it is
    not:

        H_k = sum over a < k of pi_a h(z_a)  +  P(a >= k) h(E[z | a >= k])

    Raises:
        ValueError: probabilities that are negative or do not sum to 1.
    """

    vocabulary_size = 2

    def __init__(self, gap_probabilities: Sequence[float]) -> None:
        probabilities = _distributions("gap_probabilities", gap_probabilities, ndim=1)
        self.gap_probabilities = tuple(probabilities.tolist())
        self._gaps = np.trim_zeros(probabilities, "b")
        survival = self._gaps[::-1].cumsum()[::-1]
        self._survival = survival
        self._ages = survival / survival.sum()
        self._hazard = self._gaps / survival

    def optimal_loss(self, context_length: int | None) -> float:
        """H_k in nats for ``k = context_length`` tokens of context; None: the whole past."""
        _check_context(context_length)
        k = len(self._ages) if context_length is None else min(context_length, len(self._ages))
        seen = float((self._ages[:k] * binary_entropy(self._hazard[:k])).sum())
        unseen = float(self._ages[k:].sum())
        if unseen == 0:
            return seen
        hazard = min(1.0, float((self._ages[k:] * self._hazard[k:]).sum()) / unseen)
        return seen + unseen * float(binary_entropy(hazard))

    def sample(self, length: int, seed: int) -> Tensor:
        """``(length,)`` int64 tokens, with a stationary first age."""
        _check_length(length)
        rng = np.random.default_rng(seed)
        age = int(rng.choice(len(self._ages), p=self._ages))
        remaining = self._gaps[age:] / self._gaps[age:].sum()
        first = int(rng.choice(len(remaining), p=remaining))
        gaps = 1 + rng.choice(len(self._gaps), size=length, p=self._gaps)
        events = first + np.concatenate([[0], gaps.cumsum()])
        tokens = np.zeros(length, dtype=np.int64)
        tokens[events[events < length]] = 1
        return torch.from_numpy(tokens)

    def __repr__(self) -> str:
        return f"Renewal({len(self._gaps)} gaps, mean {self._survival.sum():.3g})"


class HiddenMarkov:
    """A hidden Markov chain seen through noisy emissions: every token of the past says a little more.

    Args:
        transition: ``(states, states)``; row s is the distribution of the next state after s.
        emission: ``(states, vocabulary)``; row s is the distribution of the token emitted in s.

    Raises:
        ValueError: rows that are no distributions, shapes that do not match, or a chain with more than one
            stationary distribution.
    """

    #: Half-width, in nats, of the interval that ``optimal_loss(None)`` closes in on the entropy rate.
    tolerance = 1e-7
    # Distinct beliefs kept by the recursion.  Binary words of up to 16 tokens are exact.
    _most_beliefs = 2**16

    def __init__(self, transition: ArrayLike, emission: ArrayLike) -> None:
        self.transition = _distributions("transition", transition, ndim=2)
        self.emission = _distributions("emission", emission, ndim=2)
        states = len(self.transition)
        if self.transition.shape != (states, states) or len(self.emission) != states:
            raise ValueError(
                f"transition {self.transition.shape} and emission {self.emission.shape}: "
                "pass (states, states) and (states, vocabulary)"
            )
        system = np.vstack([self.transition.T - np.eye(states), np.ones(states)])
        if np.linalg.matrix_rank(system[:-1], tol=1e-10) < states - 1:
            raise ValueError("transition has more than one stationary distribution: connect its states")
        stationary = np.linalg.lstsq(system, np.eye(states + 1)[-1], rcond=None)[0].clip(0)
        self.stationary: Floats = stationary / stationary.sum()

    @property
    def vocabulary_size(self) -> int:
        return self.emission.shape[1]

    def optimal_loss(self, context_length: int | None) -> float:
        """H_k in nats for ``k = context_length`` tokens of context; None: the whole past.

        H_k is summed over all words of k tokens by the forward recursion: exact while there are at most
        65,536 of them.  Beyond that, words that leave nearly the same belief about the hidden state are
        merged.  With two states that moves H_k by less than 1e-7; with more it may raise it by 1e-4 and more,
        as beliefs have more room to differ.

        The entropy rate lies between H_k and the same quantity with the
        state before the first token given (Cover & Thomas, *Elements of Information Theory*, theorem 4.5.1);
        the recursion goes on until the two are within ``2 * tolerance``, and the middle is returned.

        Raises:
            ValueError: the chain forgets its start so slowly that 3,000 tokens do not settle the entropy
                rate.
        """
        _check_context(context_length)
        upper = self._losses(self.stationary[None], np.ones(1))
        if context_length is not None:
            for _ in range(context_length):
                next(upper)
            return next(upper)
        lower = self._losses(np.eye(len(self.stationary)), self.stationary)
        for _, high, low in zip(range(3000), upper, lower, strict=False):
            if high - low <= 2 * self.tolerance:
                return (high + low) / 2
        raise ValueError("this chain forgets its start too slowly for its entropy rate: pass a context_length")

    def _losses(self, beliefs: Floats, weights: Floats) -> Iterator[float]:
        """H_0, H_1, ... from ``beliefs`` ``(n, states)`` about the state before a token, held with
        ``weights`` ``(n,)``.
        """
        cell = 1e-9
        while True:
            tokens = beliefs @ self.emission
            yield float(weights @ entropy(tokens))
            weights = (weights[:, None] * tokens).reshape(-1)
            joint = (beliefs[:, None, :] * self.emission.T).reshape(len(weights), -1)
            possible = weights > 0
            weights, joint = weights[possible], joint[possible]
            beliefs = (joint / joint.sum(-1, keepdims=True)) @ self.transition
            while len(weights) > self._most_beliefs:
                beliefs, weights = _merge(beliefs, weights, cell)
                if len(weights) > self._most_beliefs:
                    cell *= 2

    def sample(self, length: int, seed: int) -> Tensor:
        """``(length,)`` int64 tokens, with a stationary first state."""
        _check_length(length)
        uniform = np.random.default_rng(seed).random((2, length))
        moves = [row.tolist() for row in self.transition.cumsum(1)[:, :-1]]
        states = np.empty(length, dtype=np.int64)
        state = int(np.searchsorted(self.stationary.cumsum()[:-1], uniform[0, 0], side="right"))
        for t, u in enumerate(uniform[0].tolist()):
            if t:
                state = bisect_right(moves[state], u)
            states[t] = state
        thresholds = self.emission.cumsum(1)[:, :-1]
        return torch.from_numpy((uniform[1][:, None] >= thresholds[states]).sum(1))

    def __repr__(self) -> str:
        return f"HiddenMarkov({len(self.stationary)} states, {self.vocabulary_size} tokens)"


def _merge(beliefs: Floats, weights: Floats, cell: float) -> tuple[Floats, Floats]:
    """Beliefs that share a cell become their weighted mean: entropy moves by the cell's size squared."""
    # One integer per cell, by hashing: sorting numbers is many times faster than sorting rows.
    multipliers = np.random.default_rng(0).integers(1, 2**62, beliefs.shape[1])
    keys = (np.round(beliefs / cell).astype(np.int64) * multipliers).sum(1)
    _, group = np.unique(keys, return_inverse=True)
    total: Floats = np.bincount(group, weights).astype(np.float64)
    mean = np.stack([np.bincount(group, weights * column) / total for column in beliefs.T], axis=1)
    return mean, total


def _distributions(name: str, values: ArrayLike, ndim: int) -> Floats:
    array = np.array(values, dtype=np.float64)
    if array.ndim != ndim or array.size == 0:
        raise ValueError(f"{name} must be {ndim}-dimensional and not empty, not of shape {array.shape}")
    if not (array >= 0).all() or not np.allclose(array.sum(-1), 1, rtol=0, atol=1e-6):
        raise ValueError(f"{name}: probabilities must not be negative and must sum to 1")
    return array / array.sum(-1, keepdims=True)


def _check_context(context_length: int | None) -> None:
    if context_length is not None and context_length < 0:
        raise ValueError(f"context_length={context_length}: pass 0 or more tokens, or None for the whole past")


def _check_length(length: int) -> None:
    if length < 1:
        raise ValueError(f"length={length}: pass at least 1 token")
