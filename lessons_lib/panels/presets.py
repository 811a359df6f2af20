"""Starts worth trying: each begins the run again from other weights and settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from lessons_lib.corpora import Batches
from lessons_lib.models import Trainable
from lessons_lib.runs import Factory
from lessons_lib.stability import StableSet, Unconstrained
from lessons_lib.stability.layers import make_orthogonal_

EXPLODING = 4.0  # the scale of a start whose gradients explode


@dataclass(frozen=True)
class Preset:
    """A start: recurrent weights of a given size, and a stable set.

    Args:
        name: what the button says.
        says: what begins, in one sentence.
        stable_set: from the first step on.
        scale: every recurrent block becomes ``scale`` times an orthogonal matrix, all its singular values
            equal.
    """

    name: str
    says: str
    stable_set: StableSet
    scale: float

    def factory(self, original: Factory) -> Factory:
        """``original`` with this start's recurrent weights; nothing is built until it is called."""

        def build() -> tuple[Trainable, Batches]:
            model, stream = original()
            make_orthogonal_(model, self.scale, torch.Generator().manual_seed(0))
            return model, stream

        build.recipe = (self.factory, (original,), {})  # type: ignore[attr-defined]  # what a run writes down as code
        return build


def presets_for(stable_set: StableSet) -> Sequence[Preset]:
    """The starts that a stable set's knob names, and one that explodes; none where it names none."""
    starts = stable_set.knob.starts if stable_set.knob is not None else ()
    turned = {name: stable_set.with_knob(value) for name, value in starts}
    found = [_preset(name, one, one.starting_scale) for name, one in turned.items()]
    return [*found[:2], _preset("explode", Unconstrained(), EXPLODING), *found[2:]] if found else ()


def _preset(name: str, stable_set: StableSet, scale: float) -> Preset:
    return Preset(name, f"recurrent weights {scale:g} × orthogonal, {stable_set.in_short()}", stable_set, scale)
