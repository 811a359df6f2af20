"""WaveNet against an LSTM: what each sees, the floor under both, and sounds that come back."""

import math

import numpy as np
import pytest
import torch

from lessons_lib.corpora import mu_law_encode, vowels
from lessons_lib.lessons.lesson_06 import waveforms


def test_a_wavenet_sees_what_its_row_says_and_an_lstm_everything():
    for k in waveforms.CONTEXTS:
        assert waveforms.core("WaveNet", k)().context_length == k
    assert waveforms.core("LSTM")().context_length is None
    with pytest.raises(ValueError, match="choose one of 5, 17"):
        waveforms.core("WaveNet", 6)
    with pytest.raises(ValueError, match="WaveNet, LSTM"):
        waveforms.core("SampleRNN")


def test_the_noise_floor_is_the_entropy_of_the_noise_alone():
    # One clean sample, many draws of its noise: the counted entropy.
    clean = torch.from_numpy(vowels(0.02, waveforms.HELD_OUT_SEED, noise=0.0)).double()
    generator = torch.Generator().manual_seed(0)
    counted = []
    for value in clean.tolist():
        noisy = (value + waveforms.NOISE * torch.randn(20_000, generator=generator, dtype=torch.float64)).clamp(-1, 1)
        shares = torch.bincount(mu_law_encode(noisy.numpy()), minlength=256) / 20_000
        counted.append(-float(torch.special.xlogy(shares, shares).sum()) / math.log(2))
    assert waveforms.noise_floor(0.02) == pytest.approx(sum(counted) / len(counted), abs=0.01)


def test_a_few_batches_teach_something_and_the_score_is_that_of_unheard_sound():
    model, stream = waveforms.factory("WaveNet", 17, seconds=2.0)()
    assert len(stream) > 0
    before = waveforms.bits_per_sample(model, waveforms.held_out()[:2_000])
    assert before == pytest.approx(8, abs=0.3)
    point = waveforms.point("WaveNet", 17, steps=12)
    assert waveforms.noise_floor() < point.bits < 7.9
    assert not torch.equal(waveforms.held_out()[:500], waveforms.voice(0)[:500])


def test_what_a_model_sings_repeats_with_its_seed_and_survives_packing():
    model, _ = waveforms.factory("LSTM", seconds=2.0)()
    sung = waveforms.write(model, 0.01)
    assert sung.shape == (80,)
    assert torch.equal(sung, waveforms.write(model, 0.01))
    assert torch.equal(waveforms.unpacked(waveforms.packed(sung)), sung)


def test_a_tone_is_periodic_and_noise_is_not():
    time = np.arange(4_000)
    assert waveforms.periodicity(np.sin(2 * np.pi * time / 60).astype(np.float32)) > 0.99
    assert waveforms.periodicity(np.random.default_rng(0).standard_normal(4_000).astype(np.float32)) < 0.2
    assert waveforms.periodicity(np.sin(2 * np.pi * time / 700).astype(np.float32)) < 0.99


def test_the_artefact_says_what_the_lesson_shows():
    points = waveforms.WAVEFORMS.read().points
    sounds = waveforms.sounds(points)
    assert sounds.keys() == set(waveforms.ROWS)
    assert all(abs(sound).max() > 0.05 and len(sound) == 8_000 for sound in sounds.values())
    assert all(waveforms.noise_floor() < p.bits < waveforms.unigram_bits() for p in points)
