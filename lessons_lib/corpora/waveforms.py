"""Sounds made on the spot, as tokens for an autoregressive model and back."""

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from .music import KEYS, LOWEST_KEY

Audio = NDArray[np.float32]

SAMPLE_RATE = 8000
"""Samples a second: enough for vowels, whose formants lie below 4 kHz."""

VOWELS = {
    # Centres of the first three formants in Hz, men's averages: Peterson & Barney (1952), table II.
    "i": (270, 2290, 3010),
    "e": (530, 1840, 2480),
    "a": (730, 1090, 2440),
    "o": (570, 840, 2410),
    "u": (300, 870, 2240),
}
BANDWIDTHS = (60, 90, 150)  # of the formants, Hz


def vowels(seconds: float, seed: int, *, sample_rate: int = SAMPLE_RATE, noise: float = 0.002) -> Audio:
    """A voice that sings random vowels: ``(samples,)`` float32 in [-1, 1].

    A source-filter synthesiser (Fant 1960).  The source is a glottal wave, harmonics of a pitch that wanders,
    falling 12 dB an octave; the filter is three formants that glide from vowel to vowel; lips add 6 dB an
    octave.  A little noise keeps the waveform from being predictable without end.

    Args:
        seconds: length.
        seed: of vowels, durations, pitch and noise.
        sample_rate: samples a second, at least 8,000: the formants lie below half of it.
        noise: standard deviation of the added white noise.

    Raises:
        ValueError: seconds not above 0, a sample rate below 8,000, or negative noise.
    """
    if not seconds > 0 or sample_rate < 8000 or noise < 0:
        raise ValueError(
            f"seconds={seconds} must be above 0, sample_rate={sample_rate} at least 8000, noise={noise} not negative"
        )
    rng = np.random.default_rng(seed)
    samples = max(1, round(seconds * sample_rate))
    time = np.arange(samples) / sample_rate

    # One vowel after another, 0.15 to 0.4 s each; what changes is interpolated between their beginnings.
    count = int(seconds / 0.15) + 2
    begins = np.concatenate([[0.0], rng.uniform(0.15, 0.4, count).cumsum()])[:count]
    chosen = np.array(list(VOWELS.values()))[rng.integers(0, len(VOWELS), count)]
    pitch = np.interp(time, begins, rng.uniform(95, 180, count)) * (1 + 0.015 * np.sin(2 * np.pi * 5.5 * time))
    loudness = np.interp(time, begins, rng.uniform(0.3, 1.0, count))
    formants = [np.interp(time, begins, centres) for centres in chosen.T]

    phase = 2 * np.pi * np.cumsum(pitch) / sample_rate
    sound = np.zeros(samples)
    for harmonic in range(1, int(sample_rate / 2 / pitch.min()) + 1):
        frequency = harmonic * pitch
        gain = np.where(frequency < sample_rate / 2, 1 / harmonic, 0.0)  # -12 dB source, +6 dB lips
        for centre, bandwidth in zip(formants, BANDWIDTHS, strict=True):
            gain = gain * _resonance(frequency, centre, bandwidth)
        sound += gain * np.sin(harmonic * phase)
    sound = 0.9 * loudness * sound / np.abs(sound).max()
    return np.clip(sound + noise * rng.standard_normal(samples), -1, 1).astype(np.float32)


def _resonance(frequency: NDArray[np.float64], centre: NDArray[np.float64], bandwidth: float) -> NDArray[np.float64]:
    """Gain of a pair of poles at ``centre ± i bandwidth/2`` Hz, 1 at frequency 0."""
    half = bandwidth / 2
    return (centre**2 + half**2) / np.sqrt(
        ((frequency - centre) ** 2 + half**2) * ((frequency + centre) ** 2 + half**2)
    )


def mu_law_encode(audio: ArrayLike, levels: int = 256) -> Tensor:
    """Audio in [-1, 1] as tokens ``0 .. levels - 1``, finer near silence (ITU-T G.711; van den Oord et al.
    2016).

    Args:
        audio: ``(samples,)`` real numbers; values outside [-1, 1] are clipped.
        levels: number of tokens, at least 2; mu is ``levels - 1``.

    Returns:
        tokens: ``(samples,)`` int64.

    Raises:
        ValueError: fewer than 2 levels, or audio that is not finite.
    """
    mu = _mu(levels)
    samples = np.asarray(audio, dtype=np.float64)
    if not np.isfinite(samples).all():
        raise ValueError("audio holds NaN or infinite samples: there is no sound to encode")
    samples = samples.clip(-1, 1)
    compressed = np.sign(samples) * np.log1p(mu * np.abs(samples)) / np.log1p(mu)
    return torch.from_numpy(np.rint((compressed + 1) / 2 * mu).astype(np.int64))


def mu_law_decode(tokens: Tensor | ArrayLike, levels: int = 256) -> Audio:
    """The audio that tokens stand for: float32 in [-1, 1], ready for ``IPython.display.Audio``.

    Raises:
        ValueError: fewer than 2 levels, or tokens outside ``0 .. levels - 1``.
    """
    mu = _mu(levels)
    values = np.asarray(tokens.cpu() if isinstance(tokens, Tensor) else tokens)
    if values.size and not (values.min() >= 0 and values.max() < levels):
        raise ValueError(f"tokens must lie in 0..{levels - 1}")
    compressed = 2 * values.astype(np.float64) / mu - 1
    return (np.sign(compressed) * np.expm1(np.abs(compressed) * np.log1p(mu)) / mu).astype(np.float32)


def render_chords(frames: Tensor, seconds_per_frame: float = 0.4, sample_rate: int = 16000) -> Audio:
    """A piano roll made audible: ``(samples,)`` float32 in [-1, 1].

    Args:
        frames: ``(time, 88)``; keys above 0.5 sound.
        seconds_per_frame: length of a frame.
        sample_rate: samples a second.

    Raises:
        ValueError: frames of another shape.
    """
    if frames.ndim != 2 or frames.shape[1] != KEYS:
        raise ValueError(f"pass a (time, {KEYS}) piano roll, not {tuple(frames.shape)}")
    samples = round(seconds_per_frame * sample_rate)
    time = np.arange(len(frames) * samples) / sample_rate
    # Each frame is struck softly and fades, so that repeated chords are heard as such.
    within = time % seconds_per_frame
    envelope = np.minimum(within / 0.02, 1) * np.exp(-2.5 * within) * np.minimum((seconds_per_frame - within) / 0.02, 1)
    sounding = frames.detach().cpu().numpy() > 0.5
    sound = np.zeros(len(time))
    for key in np.flatnonzero(sounding.any(0)):
        frequency = 440 * 2 ** ((key + LOWEST_KEY - 69) / 12)
        tone = sum(
            np.sin(2 * np.pi * h * frequency * time) / h**2 for h in (1, 2, 3) if h * frequency < sample_rate / 2
        )
        sound += np.repeat(sounding[:, key], samples) * tone
    sound *= envelope
    return (0.9 * sound / max(np.abs(sound).max(initial=0), 1e-9)).astype(np.float32)


def _mu(levels: int) -> int:
    if levels < 2:
        raise ValueError(f"levels={levels}: a code needs at least 2")
    return levels - 1
