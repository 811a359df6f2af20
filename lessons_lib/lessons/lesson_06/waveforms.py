"""A singing voice, sample by sample: WaveNet against an LSTM with as many parameters, on the same batches.

``WAVEFORMS`` stores bits per sample on a voice that no training has heard, for each model, context length and seed;
and a second that each kind wrote.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lessons_lib.corpora import Stream, mu_law_decode, mu_law_encode, vowels
from lessons_lib.corpora.waveforms import SAMPLE_RATE, Audio
from lessons_lib.experiments.experiment import Experiment
from lessons_lib.experiments.training import from_seed, trained
from lessons_lib.models import LSTM, LanguageModel, WaveNet, generate
from lessons_lib.models.size import widest
from lessons_lib.training import Settings, default_device, linear_decay, mean_loss

LEVELS, NOISE = 256, 0.002
SECONDS, HELD_OUT_SECONDS = 120.0, 4.0
HELD_OUT_SEED = 10_000
EMBEDDING, PARAMETERS = 32, 66_000
BATCH_SIZE, STEPS, TRAINING_STEPS, SEEDS = 16, 256, 400, (0, 1, 2)
GRADIENT_CLIP = 1.0
# For each row the best of .004, .008 and .016 after 400 batches of seed 0 (the LSTM's .03 was as good as .016).
LEARNING_RATES = {"WaveNet": 8e-3, "LSTM": 1.6e-2}
# An LSTM's batch takes less than half a WaveNet's time on one CPU core: so many batches give it as many seconds.
LONGER = 2 * TRAINING_STEPS
CONTEXTS = {5: 2, 17: 4, 65: 6, 257: 8}  # samples: layers of a WaveNet that sees so many
ROWS = tuple(LEARNING_RATES)
SINGERS = (("WaveNet", max(CONTEXTS), TRAINING_STEPS), ("LSTM", None, LONGER))
PROMPT_SECONDS, WRITTEN_SECONDS = 0.25, 1.0


@cache
def voice(seed: int, seconds: float = SECONDS) -> Tensor:
    """A voice that sings random vowels, μ-law coded: (samples,) int64, 8,000 a second."""
    return mu_law_encode(vowels(seconds, seed, noise=NOISE), LEVELS)


def held_out(seconds: float = HELD_OUT_SECONDS) -> Tensor:
    """A voice that no training hears."""
    return voice(HELD_OUT_SEED, seconds)


@cache
def noise_floor(seconds: float = HELD_OUT_SECONDS) -> float:
    """Bits per sample of one who knows the voice and lacks only its noise: no model gets below, on average.

    The entropy of the code of c + ε, ε normal with deviation ``NOISE``, averaged over the clean samples c.
    """
    clean = torch.from_numpy(vowels(seconds, HELD_OUT_SEED, noise=0.0)).double()
    middles = (torch.arange(LEVELS - 1, dtype=torch.float64) + 0.5) * 2 / (LEVELS - 1) - 1
    edges = middles.sign() * torch.expm1(middles.abs() * math.log(LEVELS)) / (LEVELS - 1)
    below = torch.special.ndtr((edges - clean[:, None]) / NOISE)
    chances = torch.cat([below, torch.ones_like(below[:, :1])], 1) - torch.cat([0 * below[:, :1], below], 1)
    return float(-torch.special.xlogy(chances, chances).sum(1).mean()) / math.log(2)


@cache
def core(row: str, context_length: int | None = None) -> Callable[[], WaveNet | LSTM]:
    """Makes a model's core, as wide as ``PARAMETERS`` allow; a WaveNet sees ``context_length`` samples, 257 at most.

    ValueError for an unknown row, or a context that is none of ``CONTEXTS``.
    """
    if row not in ROWS:
        raise ValueError(f"unknown row {row!r}: choose one of {', '.join(ROWS)}")
    seen = context_length or max(CONTEXTS)
    if seen not in CONTEXTS:
        raise ValueError(f"context_length={seen}: choose one of {', '.join(map(str, CONTEXTS))}")
    make: Any = partial(LSTM, EMBEDDING) if row == "LSTM" else partial(WaveNet, EMBEDDING, layers=CONTEXTS[seen])
    width = widest(lambda width: LanguageModel(make(hidden_size=width), LEVELS, EMBEDDING), PARAMETERS, multiple=2)
    return partial(make, hidden_size=width)


@from_seed
def factory(
    row: str, context_length: int | None = None, seed: int = 0, *, seconds: float = SECONDS
) -> tuple[LanguageModel, Stream]:
    """The model and its stream of samples."""
    model = LanguageModel(core(row, context_length)(), LEVELS, EMBEDDING)
    torch.nn.init.normal_(model.embedding.weight)
    return model, Stream(voice(seed, seconds).to(default_device()), BATCH_SIZE, STEPS)


def settings(row: str, progress: float = 0.0) -> Settings:
    """For Adam; the row's rate falls in a line over the second half, ``progress`` going from 0 to 1."""
    rate = LEARNING_RATES[row] * linear_decay(progress, hold=0.5)
    return Settings(STEPS, learning_rate=rate, gradient_clip=GRADIENT_CLIP)


def bits_per_sample(model: LanguageModel, samples: Tensor) -> float:
    """What the model pays for each sample of a sound, in bits; samples: (time,) int64."""
    return mean_loss(model, samples.to(next(model.parameters()).device)) / math.log(2)


def write(model: LanguageModel, seconds: float = WRITTEN_SECONDS, *, seed: int = 0) -> Tensor:
    """What the model sings after a quarter of a second of the held-out voice: (samples,) int64."""
    device = next(model.parameters()).device
    prompt = held_out()[: round(PROMPT_SECONDS * SAMPLE_RATE)].to(device)
    generator = torch.Generator(device).manual_seed(seed)
    return generate(model, prompt[None], round(seconds * SAMPLE_RATE), generator=generator)[0].cpu()


@dataclass(frozen=True)
class Point:
    """One model trained for ``steps`` batches: bits per held-out sample, and what it cost in processor seconds.

    ``sound``: what it sang, :func:`packed`, where it was asked to.
    """

    row: str
    context_length: int | None
    seed: int
    steps: int
    bits: float
    seconds: float
    parameters: int
    sound: str | None = field(default=None, repr=False)


def point(row: str, context_length: int | None = None, seed: int = 0, steps: int = TRAINING_STEPS) -> Point:
    """Train and score once; the longest training of each row's first seed also sings."""
    done = trained(factory(row, context_length, seed), partial(settings, row), steps=steps, seed=seed)
    sings = seed == SEEDS[0] and (row, context_length, steps) in SINGERS
    sound = packed(write(done.model)) if sings else None
    bits = bits_per_sample(done.model, held_out())
    return Point(row, done.model.context_length, seed, steps, bits, done.seconds, done.parameters, sound)


def periodicity(sound: Audio) -> float:
    """How well a sound repeats itself after one period of the voice, 40 to 90 samples: near 1 a voice, near 0 noise.

    The largest correlation of a tenth of a second with itself at such a lag, averaged over the sound: (samples,).
    """
    found = []
    for start in range(0, len(sound) - 799, 800):
        piece = sound[start : start + 800] - sound[start : start + 800].mean()
        pairs = ((piece[:-lag], piece[lag:]) for lag in range(40, 91))
        found.append(max(float(a @ b) / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-9) for a, b in pairs))
    return sum(found) / len(found)


def unigram_bits() -> float:
    """Bits per held-out sample of one who knows only how often each token comes."""
    counts = torch.bincount(voice(0, 20.0), minlength=LEVELS) + 1.0
    return float(-(counts / counts.sum()).log2()[held_out()].mean())


def packed(samples: Tensor) -> str:
    """Tokens 0 to 255 as text."""
    return base64.b64encode(samples.numpy().astype(np.uint8).tobytes()).decode()


def unpacked(text: str) -> Tensor:
    """What :func:`packed` made: (samples,) int64."""
    return torch.from_numpy(np.frombuffer(base64.b64decode(text), dtype=np.uint8).astype(np.int64))


def sounds(points: Sequence[Point]) -> dict[str, Audio]:
    """What the models sang: float32 in [-1, 1], 8,000 samples a second, by row."""
    return {p.row: mu_law_decode(unpacked(p.sound), LEVELS) for p in points if p.sound}


KINDS = [{"row": "WaveNet", "context_length": k, "steps": TRAINING_STEPS} for k in reversed(CONTEXTS)]
KINDS += [{"row": "LSTM", "context_length": None, "steps": steps} for steps in (TRAINING_STEPS, LONGER)]
WAVEFORMS = Experiment(
    "waveforms",
    "a singing voice, sample by sample: WaveNet at every context length, and an LSTM",
    [{**kind, "seed": seed} for seed in SEEDS for kind in KINDS],
    point,
    Point,
    {
        "batch_size": BATCH_SIZE,
        "steps": STEPS,
        "optimizer": "adam",
        "learning_rates": LEARNING_RATES,
        "gradient_clip": GRADIENT_CLIP,
        "levels": LEVELS,
        "noise": NOISE,
        "seconds_of_voice": SECONDS,
        "held_out": {"seconds": HELD_OUT_SECONDS, "seed": HELD_OUT_SEED},
        "embedding": EMBEDDING,
        "parameters": PARAMETERS,
        "layers": CONTEXTS,
        "written": {"by": SINGERS, "prompt_seconds": PROMPT_SECONDS, "seconds": WRITTEN_SECONDS},
    },
    unit="bits per sample, 8,000 samples a second, 256 levels",
    summary=lambda points: {"noise_floor": noise_floor(), "unigram": unigram_bits()},
)
