"""The WikiText-2 study: train one row with one seed, certify it, score it once on the test split."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lessons_lib.corpora import ProductOfLags, Stream, TextCorpus, Vocabulary, wikitext2
from lessons_lib.corpora.download import WIKITEXT2
from lessons_lib.experiments.artefact import artefact_name, results_folder, write_artefact
from lessons_lib.experiments.certificate import certificate
from lessons_lib.experiments.machine import device_name
from lessons_lib.models import seeded
from lessons_lib.models.size import parameter_count
from lessons_lib.stability import certified_rate, layers_of, spectral_norm
from lessons_lib.training import (
    Settings,
    TrainingState,
    linear_decay,
    load_checkpoint,
    perplexity,
    save_checkpoint,
    training_step,
)
from lessons_lib.training.checkpoint import CheckpointError
from lessons_lib.wikitext2.forgetting import contraction_on_text, measured
from lessons_lib.wikitext2.rows import StudyConfig

CHECKPOINT_SECONDS = 60.0


class DivergedError(RuntimeError):
    """The loss is no longer a number."""


@dataclass(frozen=True)
class Corpus:
    """A text with what an artefact says about it."""

    name: str
    text: TextCorpus
    hashes: dict[str, str] = field(default_factory=dict)

    @property
    def counts(self) -> Tensor:
        """How often each token occurs in train: (vocabulary,)."""
        return torch.bincount(self.text.train, minlength=len(self.text.vocabulary))


def load_corpus(name: str) -> Corpus:
    """``wikitext2``, or ``synthetic``: a product of ten lags with 1,024 tokens, for trying things out.

    Raises:
        DataUnavailable: the text is neither here nor to be had.
        ValueError: another name.
    """
    if name == "wikitext2":
        return Corpus(name, wikitext2(), {split: file.sha256 for split, file in WIKITEXT2.items()})
    if name == "synthetic":
        language = ProductOfLags(range(1, 11), [0.1] * 10)
        train, valid, test = (language.sample(n, seed) for seed, n in enumerate((200_000, 20_000, 20_000)))
        words = [format(i, "010b") for i in range(language.vocabulary_size)]
        return Corpus(name, TextCorpus(train, valid, test, Vocabulary(words)))
    raise ValueError(f"unknown corpus {name!r}: choose wikitext2 or synthetic")


@dataclass(frozen=True)
class Progress:
    """Where a training stands, after every step."""

    step: int
    steps: int
    epoch: int
    loss: Tensor  # of the step, not fetched
    curve: list[dict[str, Any]]  # one entry per finished epoch


@dataclass
class RowTraining:
    """The training of one row with one seed: iterate :meth:`train`, then :func:`publish`.

    Args:
        row, preset, config: the row's name, the preset's, and its config.
        corpus: from :func:`load_corpus`.
        seed: of the weights and the dropout masks.
        device: where to train.
        folder: for the checkpoint, ``<name>.safetensors``; removed when the artefact has been written.
    """

    row: str
    preset: str
    config: StudyConfig
    corpus: Corpus
    seed: int
    device: torch.device
    folder: Path

    def __post_init__(self) -> None:
        config = self.config
        with seeded(self.seed):
            model = config.build_model(self.corpus.counts).to(self.device)
        tokens = self.corpus.text.train[: config.train_tokens].to(self.device)
        stream = Stream(tokens, config.batch_size, config.steps)
        self.state = TrainingState.begin(model, stream, seed=self.seed, optimizer=config.optimizer)
        self.settings = Settings(
            config.steps,
            learning_rate=config.learning_rate,
            gradient_clip=config.gradient_clip,
            stable_set=config.build_set(),
        )
        self.curve: list[dict[str, Any]] = []
        self.seconds = 0.0
        self.cpu_seconds = 0.0  # what a shared machine does not stretch
        self.loss_sum: Any = 0.0  # over the epoch so far, on the device

    @property
    def name(self) -> str:
        """Names the artefact; a corpus other than WikiText-2 is part of it."""
        return artefact_name(self.corpus.name, self.row, self.preset, self.seed)

    @property
    def checkpoint(self) -> Path:
        return self.folder / f"{self.name}.safetensors"

    @property
    def steps(self) -> int:
        """Training steps in all."""
        return self.config.epochs * len(self.state.stream)

    def resume(self) -> bool:
        """Continue from the checkpoint if there is one.

        Raises:
            CheckpointError: it cannot be read, or was written under another config.
        """
        if not self.checkpoint.exists():
            return False
        _, extra = load_checkpoint(self.checkpoint, self.state)
        if extra["config"] != self.config.to_json():
            changed = [k for k, v in self.config.to_json().items() if extra["config"].get(k) != v]
            raise CheckpointError(
                f"{self.checkpoint} was written under another config ({', '.join(changed)} differ): "
                "restore the config, or delete the checkpoint to start afresh"
            )
        self.curve, self.loss_sum = extra["curve"], extra["loss_sum"]
        self.seconds, self.cpu_seconds = extra["seconds"], extra["cpu_seconds"]
        return True

    def save(self) -> None:
        """Write the checkpoint, so that the training can resume from this step."""
        save_checkpoint(
            self.checkpoint,
            self.state,
            self.settings,
            config=self.config.to_json(),
            curve=self.curve,
            seconds=self.seconds,
            cpu_seconds=self.cpu_seconds,
            loss_sum=float(self.loss_sum),
        )

    def train(self) -> Iterator[Progress]:
        """Train to the end, evaluating after every epoch and saving once a minute and at every epoch's end.

        Raises:
            DivergedError: the loss is not finite at the end of an epoch.
        """
        state, per_epoch = self.state, len(self.state.stream)
        saved = began = time.monotonic()
        began_cpu = time.process_time()
        if len(self.curve) < state.step // per_epoch:  # it was saved between an epoch's last step and its evaluation
            self._end_epoch()
        while state.step < self.steps:
            rate = self.config.learning_rate * linear_decay(state.step / self.steps)
            record = training_step(state, replace(self.settings, learning_rate=rate))
            self.loss_sum = self.loss_sum + record.loss
            ended = state.step % per_epoch == 0
            if ended:
                self._end_epoch()
            now = time.monotonic()
            if ended or now - saved > CHECKPOINT_SECONDS:
                self.seconds += now - began
                self.cpu_seconds += time.process_time() - began_cpu
                began = saved = now
                began_cpu = time.process_time()
                self.save()
            yield Progress(state.step, self.steps, state.step // per_epoch, record.loss, self.curve)

    def _end_epoch(self) -> None:
        train_loss = float(self.loss_sum) / len(self.state.stream)
        valid = perplexity(self.state.model, self.corpus.text.valid[: self.config.test_tokens])
        if not math.isfinite(train_loss) or not math.isfinite(valid):
            raise DivergedError(
                f"{self.name} diverged in epoch {len(self.curve) + 1} (learning rate {self.config.learning_rate:g}): "
                "lower the learning rate"
            )
        self.curve.append(
            {
                "epoch": len(self.curve) + 1,
                "train_loss": train_loss,
                "valid_perplexity": valid,
                "contraction": contraction_on_text(self.state.model, self.corpus.text.valid),
            }
        )
        self.loss_sum = 0.0


def certified(training: RowTraining) -> dict[str, Any]:
    """Membership and rate, computed in float64 from the trained weights.

    Raises:
        CertificateError: a stable row that is not in its set, or whose rate is not below 1.
    """
    model = copy.deepcopy(training.state.model).to("cpu", torch.float64)
    stable_set = training.settings.stable_set
    member, rate = certificate(training.name, model, stable_set)
    return {
        "set": stable_set.describe(),
        "contained": member,
        "rate": rate if math.isfinite(rate) else None,
        "rate_without_a_set": _finite(certified_rate(model)),
        "spectral_norms": [float(spectral_norm(layer.weight_hh)) for layer in layers_of(model)],
        "largest_row_l1_norms": [float(layer.weight_hh.detach().abs().sum(1).max()) for layer in layers_of(model)],
        **({"report": report} if (report := stable_set.report(model)) else {}),
    }


def artefact(training: RowTraining) -> dict[str, Any]:
    """The result: certificate, scores and everything that led to them.

    Raises:
        CertificateError: see :func:`certified`.
    """
    certificate = certified(training)
    config, model, text = training.config, training.state.model, training.corpus.text
    valid, test = (perplexity(model, part[: config.test_tokens]) for part in (text.valid, text.test))
    return {
        "study": "wikitext2",
        "row": training.row,
        "preset": training.preset,
        "seed": training.seed,
        "config": config.to_json(),
        "corpus": training.corpus.name,
        "data_sha256": training.corpus.hashes,
        "softmax": "adaptive" if config.cutoffs else "full",
        "parameters": parameter_count(model),
        "device": device_name(training.device),
        "minutes": round(training.seconds / 60, 2),
        "cpu_minutes": round(training.cpu_seconds / 60, 2),
        "curve": training.curve,
        "valid_perplexity": valid,
        "test_perplexity": test,
        "certificate": certificate,
        "forgetting": measured(model, text.test[: config.test_tokens], config.input_clip),
    }


def publish(training: RowTraining, folder: Path | None = None) -> Path:
    """Write the artefact to ``data/results`` (or ``folder``) and remove the checkpoint; returns its path."""
    path = (folder or results_folder()) / f"{training.name}.json"
    write_artefact(path, artefact(training))
    training.checkpoint.unlink(missing_ok=True)
    return path


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
