import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lessons_lib.corpora import Stream, mu_law_decode, mu_law_encode, render_chords, vowels


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(-1, 1), min_size=1, max_size=30), st.sampled_from([2, 16, 255, 256]))
def test_mu_law_errs_by_at_most_half_a_step_of_its_own_scale(samples, levels):
    audio = np.array(samples)
    decoded = mu_law_decode(mu_law_encode(audio, levels), levels).astype(np.float64)
    mu = levels - 1
    # The slope of the expansion is (1 + mu |x|) ln(1 + mu) / mu; one token is 2 / mu wide before it.
    largest = np.maximum(np.abs(audio), np.abs(decoded))
    step = 2 / mu * (1 + mu * largest) * np.log1p(mu) / mu
    assert (np.abs(decoded - audio) <= step / 2 + 1e-6).all()


@pytest.mark.parametrize("levels", [2, 16, 256])
def test_tokens_survive_decoding_and_encoding(levels):
    tokens = torch.arange(levels)
    audio = mu_law_decode(tokens, levels)
    assert audio.dtype == np.float32
    assert torch.equal(mu_law_encode(audio, levels), tokens)
    assert (np.diff(audio) > 0).all()
    assert (audio[0], audio[-1]) == pytest.approx((-1, 1))


def test_silence_is_coded_finest():
    widths = np.diff(mu_law_decode(torch.arange(256)))
    assert widths.argmin() in (126, 127, 128)
    assert widths.max() / widths.min() > 100


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mu_law_encode([0.0], levels=1), "at least 2"),
        (lambda: mu_law_encode([float("nan")]), "NaN"),
        (lambda: mu_law_decode([256]), r"0\.\.255"),
        (lambda: mu_law_decode([-1]), r"0\.\.255"),
        (lambda: vowels(0, seed=0), "above 0"),
        (lambda: vowels(float("nan"), seed=0), "above 0"),
        (lambda: vowels(1, seed=0, sample_rate=4000), "at least 8000"),
        (lambda: vowels(1, seed=0, noise=-1), "not negative"),
        (lambda: render_chords(torch.zeros(3, 87)), "88"),
    ],
)
def test_sounds_that_make_no_sense_say_why(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_loud_audio_is_clipped():
    assert mu_law_encode([-3.0, 3.0]).tolist() == [0, 255]


def test_vowels_are_repeatable_sound_within_bounds():
    audio = vowels(0.5, seed=1)
    assert audio.shape == (4000,)
    assert audio.dtype == np.float32
    assert np.abs(audio).max() <= 1
    assert audio.std() > 0.05
    assert np.array_equal(audio, vowels(0.5, seed=1))
    assert not np.array_equal(audio, vowels(0.5, seed=2))
    assert vowels(0.5, seed=1, sample_rate=16_000).shape == (8000,)


def test_a_voice_has_a_pitch_and_harmonics():
    audio = vowels(0.4, seed=0, noise=0)[1000:2024]
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio)), 8192))
    cepstrum = np.fft.irfft(np.log(spectrum + 1e-6))
    # The strongest period between 60 and 200 Hz is the pitch, within the range that is sung.
    periods = np.arange(8000 // 200, 8000 // 60)
    pitch = 8000 / periods[cepstrum[periods].argmax()]
    assert 90 < pitch < 190
    autocorrelation = np.correlate(audio, audio, "full")[len(audio) - 1 :]
    assert autocorrelation[round(8000 / pitch)] > 0.7 * autocorrelation[0]


def test_the_waveform_is_predictable_from_its_past_and_not_beyond_its_noise():
    """Linear prediction leaves a hundredth of the power, but never less than the added noise."""
    audio = vowels(4, seed=0, noise=0.002).astype(np.float64)
    windows = np.lib.stride_tricks.sliding_window_view(audio, 25)
    past, now = windows[:, :-1], windows[:, -1]
    residual = now - past @ np.linalg.lstsq(past, now, rcond=None)[0]
    assert 0.002**2 < residual.var() < 0.03 * now.var()


def test_sound_reads_as_a_stream_of_tokens():
    tokens = mu_law_encode(vowels(0.5, seed=0))
    stream = Stream(tokens, batch_size=4, steps=100)
    inputs, _ = stream[0]
    assert inputs.shape == (4, 100)
    assert 0 <= tokens.min() <= tokens.max() < 256


def test_a_chord_sounds_at_the_pitches_of_its_keys():
    frames = torch.zeros(3, 88)
    frames[1, 69 - 21] = 1
    audio = render_chords(frames, seconds_per_frame=0.5, sample_rate=8000)
    assert audio.shape == (12_000,)
    assert np.abs(audio).max() == pytest.approx(0.9, abs=1e-3)
    assert (audio[:4000] == 0).all()
    assert (audio[8000:] == 0).all()
    assert np.abs(np.fft.rfft(audio[4000:8000])).argmax() == 220  # bins of 2 Hz: the A of 440 Hz
    assert (render_chords(torch.zeros(2, 88)) == 0).all()
