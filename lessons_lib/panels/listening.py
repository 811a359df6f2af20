"""What a model of music plays now: composed on a click, heard, and seen as a piano roll."""

from __future__ import annotations

import io
import wave
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets
import numpy as np
from torch import Tensor

from lessons_lib.corpora import render_chords
from lessons_lib.panels.access import STATUS
from lessons_lib.panels.transport import action
from lessons_lib.runs import Run

Composer = Callable[[Any], tuple[Tensor, Tensor]]
"""A model -> the frames that it was given, and those that it composed: (time, 88) of 0 and 1 each."""

SECONDS, SAMPLE_RATE = 0.25, 8000  # of a frame; samples a second


class Listening(widgets.VBox):
    """A button, a piano roll and a player.

    The model is copied between two steps, so that the run goes on.  Nothing sounds by itself: a room of thirty would
    not bear it.
    """

    def __init__(self, run: Run, composer: Composer) -> None:
        self.run, self.composer = run, composer
        self.button = action("Compose and play", "music", "Let the model as it is now go on", self.play)
        self.roll = widgets.HTML("It has composed nothing yet.")
        self.roll.add_class(STATUS)
        self.sound = widgets.Audio(value=b"", format="wav", autoplay=True, loop=False)
        self.sound.layout.display = "none"
        super().__init__([self.button, self.roll, self.sound])

    def play(self) -> None:
        """Compose with the weights of now, draw it and play it."""
        given, composed = (frames.cpu() for frames in self.composer(self.run.snapshot()))
        self.roll.value = piano_roll(given, composed, self.run.step_count)
        self.sound.value = wav(composed)
        self.sound.layout.display = ""


def piano_roll(given: Tensor, composed: Tensor, step: int) -> str:
    """Time runs to the right and pitch upwards, as SVG; what was given is pale."""
    frames = np.concatenate([given.numpy(), composed.numpy()]) > 0.5
    sounding = np.argwhere(frames)
    low, high = (sounding[:, 1].min(), sounding[:, 1].max()) if len(sounding) else (0, 1)
    keys = "".join(
        f'<rect x="{time}" y="{high - key}" width=".9" height=".9" opacity="{0.35 if time < len(given) else 1}"/>'
        for time, key in sounding
    )
    told = (
        f"Step {step:,}: given {len(given)} frames with {given.sum(1).mean():.1f} keys each; "
        f"composed {len(composed)} with {composed.sum(1).mean():.1f}."
    )
    view = f'viewBox="0 0 {len(frames)} {high - low + 1}" preserveAspectRatio="none"'
    look = 'role="img" aria-label="Piano roll" style="width:100%;height:90px" fill="currentColor"'
    return f'<svg {view} {look}>{keys}</svg><div style="line-height:1.4">{told}</div>'


def wav(frames: Tensor) -> bytes:
    """A piano roll, (time, 88), as a sound file of 16 bits."""
    samples = (render_chords(frames, SECONDS, SAMPLE_RATE) * 32767).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(SAMPLE_RATE)
        sound.writeframes(samples.tobytes())
    return file.getvalue()
