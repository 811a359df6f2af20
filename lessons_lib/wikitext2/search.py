"""Hyper-parameter search that survives the death of any process: Optuna asks, processes or Ray tasks train.

One driver asks for trials and tells their results; a journal file holds the study.  Every trial trains in a
process of its own and leaves a checkpoint and, at its end, a result file.  A worker that dies is started again and
resumes; a driver that dies is started again by the same command, and submits anew whatever was running.
"""

from __future__ import annotations

import json
import math
import multiprocessing
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import torch

from lessons_lib.experiments.artefact import read_artefact, results_folder, write_artefact
from lessons_lib.files import write_atomically
from lessons_lib.training import perplexity
from lessons_lib.wikitext2.rows import ROWS, StudyConfig, config_of, starting_point, suggest
from lessons_lib.wikitext2.training import DivergedError, RowTraining, load_corpus

RETRIES = 3
REPORTS_PER_EPOCH, REPORT_TOKENS = 4, 20_000  # for the pruner: how often, on how much of the validation split


class WorkerError(RuntimeError):
    """A trial's worker died again and again: resuming does not help."""


@dataclass(frozen=True)
class Search:
    """What is searched, and the folder that holds its journal, checkpoints and results.

    Raises:
        ValueError: unknown row or preset.
    """

    row: str
    preset: str
    epochs: int
    folder: Path
    corpus: str = "wikitext2"
    device: str = "cpu"

    def __post_init__(self) -> None:
        config_of(self.row, self.preset)

    @property
    def name(self) -> str:
        return f"{self.corpus}-{self.row}-{self.preset}"

    @property
    def config(self) -> StudyConfig:
        """The row's config with the search's shorter training."""
        return replace(config_of(self.row, self.preset), epochs=self.epochs)

    def storage(self) -> Any:
        """The journal as Optuna's storage."""
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend

        self.folder.mkdir(parents=True, exist_ok=True)
        return JournalStorage(JournalFileBackend(str(self.folder / "journal.log")))

    def open(self, storage: Any = None) -> Any:
        """The Optuna study kept in the journal; made if it is not there."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        return optuna.create_study(
            study_name=self.name,
            direction="minimize",
            load_if_exists=True,
            storage=storage or self.storage(),
            sampler=optuna.samplers.TPESampler(n_startup_trials=4, constant_liar=True),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=3, interval_steps=1),
        )

    def result(self, number: int) -> Path:
        """The file that a trial's worker leaves when it has ended."""
        return self.folder / f"trial-{number}.json"


@dataclass(frozen=True)
class Job:
    """One trial for a worker."""

    search: Search
    number: int
    params: dict[str, Any]


def train_trial(job: Job) -> None:
    """Train one trial to its end or until it is pruned, from its checkpoint if there is one (in a worker).

    Writes the trial's result file.
    """
    import optuna

    torch.set_num_threads(1)
    search, storage = job.search, job.search.storage()
    study = search.open(storage)
    identity = storage.get_trial_id_from_study_id_trial_number(storage.get_study_id_from_name(search.name), job.number)
    trial = optuna.trial.Trial(study, identity)
    config = suggest(search.config, optuna.trial.FixedTrial(job.params))
    training = RowTraining(
        search.row,
        f"trial{job.number}",
        config,
        load_corpus(search.corpus),
        seed=0,
        device=torch.device(search.device),
        folder=search.folder,
    )
    training.resume()
    ended, value, driver = "complete", math.nan, multiprocessing.parent_process()
    often = max(1, len(training.state.stream) // REPORTS_PER_EPOCH)
    part = training.corpus.text.valid[: config.test_tokens][:REPORT_TOKENS]
    try:
        for progress in training.train():
            if driver is not None and not driver.is_alive():
                return  # the next driver submits this trial again, and it resumes
            if progress.step % often == 0 and progress.step < training.steps:
                value = perplexity(training.state.model, part)
                trial.report(value, progress.step)
                if trial.should_prune():
                    ended = "pruned" if math.isfinite(value) else "diverged"
                    break
        if ended == "complete":
            value = training.curve[-1]["valid_perplexity"]
    except DivergedError:
        ended = "diverged"
    result = {
        "state": ended,
        "value": value if math.isfinite(value) else None,
        "steps": training.state.step,
        "curve": training.curve,
    }
    write_atomically(search.result(job.number), json.dumps(result).encode())
    training.checkpoint.unlink(missing_ok=True)


class Workers(Protocol):
    """Where trials train."""

    def submit(self, job: Job) -> Any: ...

    def wait(self, handles: list[Any]) -> Any:
        """Return one of the handles whose work has ended, however it ended."""

    def stop(self, handle: Any) -> None:
        """End a worker at once; its trial's checkpoint stays."""


class Processes:
    """Workers as processes of this machine, one per trial."""

    def __init__(self) -> None:
        methods = multiprocessing.get_all_start_methods()
        self._context: Any = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
        if "forkserver" in methods:
            self._context.set_forkserver_preload([__name__])  # torch is imported once, not once per trial

    def submit(self, job: Job) -> Any:
        process = self._context.Process(target=train_trial, args=(job,), name=f"trial {job.number}")
        process.start()
        return process

    def wait(self, handles: list[Any]) -> Any:
        while True:
            for process in handles:
                if not process.is_alive():
                    process.join()
                    return process
            time.sleep(0.1)

    def stop(self, handle: Any) -> None:
        handle.terminate()
        handle.join()


class RayTasks:
    """Workers as Ray tasks, on one machine or a cluster (RAY_ADDRESS); ``folder`` must be shared between nodes."""

    def __init__(self, gpus: float) -> None:
        import ray

        ray.init(address=None, include_dashboard=False, log_to_driver=False, ignore_reinit_error=True)
        self._ray = ray
        self._train = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=RETRIES)(train_trial)

    def submit(self, job: Job) -> Any:
        return self._train.remote(job)

    def wait(self, handles: list[Any]) -> Any:
        (done,), _ = self._ray.wait(handles, num_returns=1)
        return done

    def stop(self, handle: Any) -> None:
        self._ray.cancel(handle, force=True)


def run(
    search: Search, trials: int, workers: Workers, at_once: int = 2, tell: Callable[[str], None] = print
) -> dict[str, Any]:
    """Search until ``trials`` trials have finished (pruned and diverged ones count); returns the summary.

    What ends it early stops the workers, too; the same search goes on with their trials.

    Raises:
        ValueError: the folder holds a search under another config.
        WorkerError: a trial's worker died more often than it may; that trial has failed, and is not tried again.
    """
    search = replace(search, folder=search.folder.resolve())  # a Ray worker has another working directory
    study = search.open()
    _begin_or_go_on(search, study)
    live: dict[Any, Job] = {}
    deaths: Counter[int] = Counter()
    try:
        for job in _left_running(search, study):
            if search.result(job.number).exists():  # it ended while no driver was there to hear of it
                tell(_record(study, job))
            else:
                live[workers.submit(job)] = job
        while True:
            while len(live) < at_once and _finished(study) + len(live) < trials:
                job = _ask(search, study)
                live[workers.submit(job)] = job
            if not live:
                return summary(search, study)
            job = live.pop(workers.wait(list(live)))
            if search.result(job.number).exists():
                tell(_record(study, job))
                continue
            deaths[job.number] += 1
            if deaths[job.number] > RETRIES:
                _fail(study, job.number)
                raise WorkerError(f"the worker of trial {job.number} died {RETRIES + 1} times: see its error above")
            tell(f"trial {job.number}: its worker died, resuming from its checkpoint")
            live[workers.submit(job)] = job
    finally:
        for handle in live:
            workers.stop(handle)


def _begin_or_go_on(search: Search, study: Any) -> None:
    """A study keeps to the config it began with: trials of another one could not be compared."""
    config, trials = search.config.to_json(), study.get_trials(deepcopy=False)
    if not trials or "config" not in study.user_attrs:  # an older journal holds trials and no config
        study.set_user_attr("config", config)
    if not trials:
        study.enqueue_trial(starting_point(search.config))
    begun = study.user_attrs["config"]
    if changed := [name for name, value in config.items() if begun.get(name) != value]:
        raise ValueError(
            f"{search.folder} holds a search under another config ({', '.join(changed)} differ): "
            "search with that config, or delete the folder to begin anew"
        )


def _fail(study: Any, number: int) -> None:
    from optuna.trial import TrialState

    study.tell(number, state=TrialState.FAIL)


def _left_running(search: Search, study: Any) -> list[Job]:
    """The trials of a driver that died before this one."""
    import optuna

    complete = optuna.create_study().ask()
    suggest(search.config, complete)
    jobs = []
    for old in study.get_trials(states=[optuna.trial.TrialState.RUNNING]):
        if set(old.params) == set(complete.params):
            jobs.append(Job(search, old.number, old.params))
        else:
            _fail(study, old.number)  # its driver died between asking and choosing
    return jobs


def _finished(study: Any) -> int:
    from optuna.trial import TrialState

    return len(study.get_trials(deepcopy=False, states=[TrialState.COMPLETE, TrialState.PRUNED]))


def _ask(search: Search, study: Any) -> Job:
    trial = study.ask()
    suggest(search.config, trial)
    return Job(search, trial.number, trial.params)


def _record(study: Any, job: Job) -> str:
    """Tell the study how a trial ended; returns that in one line."""
    from optuna.trial import TrialState

    result = json.loads(job.search.result(job.number).read_text())
    if result["state"] == "complete":
        study.tell(job.number, result["value"])
    else:  # a diverged trial is as good as pruned: finished, and not to be imitated
        study.tell(job.number, state=TrialState.PRUNED)
    return f"trial {job.number}: {result['state']}, {result['value']}"


def summary(search: Search, study: Any) -> dict[str, Any]:
    """The search as an artefact: every trial with its parameters, its steps, how it ended and how well.

    A pruned trial's value is its last report, on a part of the validation split.
    """
    trials = []
    for trial in study.get_trials(deepcopy=False):
        path = search.result(trial.number)
        result = json.loads(path.read_text()) if path.exists() else {"state": trial.state.name.lower()}
        trials.append({"number": trial.number, "params": trial.params, **result})
    complete = [t for t in trials if t["state"] == "complete"]
    best = min(complete, key=lambda t: t["value"])["number"] if complete else None
    return {
        "study": "search",
        "name": search.name,
        "row": search.row,
        "preset": search.preset,
        "config": search.config.to_json(),
        "best": best,
        "trials": trials,
    }


def publish(result: dict[str, Any], folder: Path) -> Path:
    """Write the summary as an artefact; returns its path.

    Raises:
        ValueError: no trial was trained to its end; what was published before stays.
    """
    if result["best"] is None:
        raise ValueError(
            f"no trial of {result['name']} was trained to its end, nothing is published: give it more trials"
        )
    path = folder / f"search-{result['name']}.json"
    write_artefact(path, result)
    return path


def read(row: str, preset: str, corpus: str = "wikitext2", folder: Path | None = None) -> dict[str, Any] | None:
    """A row's published search; None where there is none."""
    path = (folder or results_folder()) / f"search-{corpus}-{row}-{preset}.json"
    return read_artefact(path) if path.exists() else None


def as_markdown(preset: str, corpus: str = "wikitext2", folder: Path | None = None) -> str:
    """What every row's search tried and found, as a table; rows without a finished trial are left out."""
    lines = [
        "| row | trials | stopped early | rates tried | best trial | its validation perplexity |",
        "| --- " * 6 + "|",
    ]
    for row in ROWS:
        found = read(row, preset, corpus, folder)
        if found is None or found["best"] is None:
            continue
        trials = found["trials"]
        best, rates = trials[found["best"]], [one["params"]["learning_rate"] for one in trials]
        cells = [
            row,
            str(len(trials)),
            str(sum(one["state"] != "complete" for one in trials)),
            f"{min(rates):.4f} to {max(rates):.4f}",
            ", ".join(f"{name} {value:.3g}" for name, value in best["params"].items()),
            f"{best['value']:.1f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
