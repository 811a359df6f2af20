"""Hyper-parameter search that survives the death of any process: Optuna asks, processes or Ray tasks train.

One driver asks for trials and tells their results; a journal file holds the study.  Every trial trains in a
process of its own and leaves a checkpoint and, at its end, a result file.  A worker that dies is started again and
resumes; a driver that dies is started again by the same command, and submits anew whatever was running.
"""

from __future__ import annotations

import json
import multiprocessing
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import torch

from lessons_lib.experiments.artefact import write_artefact
from lessons_lib.files import write_atomically
from lessons_lib.wikitext2.rows import config_of, starting_point, suggest
from lessons_lib.wikitext2.training import DivergedError, Study, load_corpus

RETRIES = 3


class WorkerError(RuntimeError):
    """A trial's worker died again and again: resuming does not help."""


def open_study(folder: Path, name: str) -> Any:
    """The Optuna study kept in ``folder``'s journal; made if it is not there."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    folder.mkdir(parents=True, exist_ok=True)
    return optuna.create_study(
        study_name=name,
        direction="minimize",
        load_if_exists=True,
        storage=JournalStorage(JournalFileBackend(str(folder / "journal.log"))),
        sampler=optuna.samplers.TPESampler(n_startup_trials=4, constant_liar=True),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=3, interval_steps=1),
    )


def train_trial(job: dict[str, Any]) -> None:
    """Train one trial to its end or until it is pruned, from its checkpoint if there is one (in a worker).

    ``job``: row, preset, corpus, device, folder, name, epochs, number and params.  Writes ``trial-<number>.json``.
    """
    import optuna

    torch.set_num_threads(1)
    folder = Path(job["folder"])
    study = open_study(folder, job["name"])
    frozen = study.get_trials(deepcopy=False)[job["number"]]
    trial = optuna.trial.Trial(study, frozen._trial_id)
    config = suggest(job["row"], base_config(job), optuna.trial.FixedTrial(job["params"]))
    training = Study(
        job["row"],
        f"trial{job['number']}",
        config,
        load_corpus(job["corpus"]),
        seed=0,
        device=torch.device(job["device"]),
        folder=folder,
    )
    training.resume()
    state, epoch, driver = "complete", len(training.curve), multiprocessing.parent_process()
    try:
        for progress in training.train():
            if driver is not None and not driver.is_alive():
                return  # the next driver submits this trial again, and it resumes
            if len(progress.curve) > epoch:
                epoch = len(progress.curve)
                trial.report(progress.curve[-1]["valid_perplexity"], epoch)
                if epoch < config.epochs and trial.should_prune():
                    state = "pruned"
                    break
        value = training.curve[-1]["valid_perplexity"]
    except DivergedError:
        state, value = "diverged", None
    result = {"state": state, "value": value, "curve": training.curve, "minutes": training.seconds / 60}
    write_atomically(folder / f"trial-{job['number']}.json", json.dumps(result).encode())
    training.checkpoint.unlink(missing_ok=True)


def base_config(job: dict[str, Any]) -> Any:
    """The row's config with the search's shorter training."""
    return replace(config_of(job["row"], job["preset"]), epochs=job["epochs"])


class Workers(Protocol):
    """Where trials train."""

    def submit(self, job: dict[str, Any]) -> Any: ...

    def wait(self, handles: list[Any]) -> Any:
        """Return one of the handles whose work has ended, however it ended."""


class Processes:
    """Workers as processes of this machine, one per trial."""

    def __init__(self) -> None:
        methods = multiprocessing.get_all_start_methods()
        self._context: Any = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
        if "forkserver" in methods:
            self._context.set_forkserver_preload([__name__])  # torch is imported once, not once per trial

    def submit(self, job: dict[str, Any]) -> Any:
        process = self._context.Process(target=train_trial, args=(job,), name=f"trial {job['number']}")
        process.start()
        return process

    def wait(self, handles: list[Any]) -> Any:
        while True:
            for process in handles:
                if not process.is_alive():
                    process.join()
                    return process
            time.sleep(0.1)


class RayTasks:
    """Workers as Ray tasks, on one machine or a cluster (RAY_ADDRESS); ``folder`` must be shared between nodes."""

    def __init__(self, gpus: float) -> None:
        import ray

        ray.init(address=None, include_dashboard=False, log_to_driver=False, ignore_reinit_error=True)
        self._ray = ray
        self._train = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=RETRIES)(train_trial)

    def submit(self, job: dict[str, Any]) -> Any:
        return self._train.remote(job)

    def wait(self, handles: list[Any]) -> Any:
        (done,), _ = self._ray.wait(handles, num_returns=1)
        return done


def search(
    row: str,
    preset: str,
    *,
    trials: int,
    epochs: int,
    folder: Path,
    workers: Workers,
    at_once: int = 2,
    corpus: str = "wikitext2",
    device: str = "cpu",
    tell: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Run until ``trials`` trials have finished (pruned and diverged ones count); returns the summary.

    Raises:
        ValueError: unknown row or preset.
        WorkerError: a trial's worker died more often than it may.
    """
    from optuna.trial import TrialState

    config_of(row, preset)
    # Absolute, because a Ray worker has another working directory.
    folder = folder.resolve()
    name = f"{corpus}-{row}-{preset}"
    study = open_study(folder, name)
    common = {"row": row, "preset": preset, "corpus": corpus, "device": device, "epochs": epochs}

    def job(number: int, params: dict[str, Any]) -> dict[str, Any]:
        return {**common, "folder": str(folder), "name": name, "number": number, "params": params}

    if not study.get_trials(deepcopy=False):
        study.enqueue_trial(starting_point(base_config(common)))
    live: dict[Any, dict[str, Any]] = {}
    deaths: dict[int, int] = {}
    for old in study.get_trials(states=[TrialState.RUNNING]):  # a driver before this one died
        if set(old.params) == set(_space(row, base_config(common))):
            again = job(old.number, old.params)
            live[workers.submit(again)] = again
        else:
            study.tell(old.number, state=TrialState.FAIL)  # it died between asking and choosing

    def finished() -> int:
        return sum(t.state in (TrialState.COMPLETE, TrialState.PRUNED) for t in study.get_trials(deepcopy=False))

    while True:
        while len(live) < at_once and finished() + len(live) < trials:
            trial = study.ask()
            suggest(row, base_config(common), trial)
            new = job(trial.number, trial.params)
            live[workers.submit(new)] = new
        if not live:
            break
        handle = workers.wait(list(live))
        ended = live.pop(handle)
        number, path = ended["number"], folder / f"trial-{ended['number']}.json"
        if not path.exists():
            deaths[number] = deaths.get(number, 0) + 1
            if deaths[number] > RETRIES:
                raise WorkerError(f"the worker of trial {number} died {deaths[number]} times: see its error above")
            tell(f"trial {number}: its worker died, resuming from its checkpoint")
            live[workers.submit(ended)] = ended
            continue
        result = json.loads(path.read_text())
        if result["state"] == "complete":
            study.tell(number, result["value"])
        else:  # a diverged trial is as good as pruned: finished, and not to be imitated
            study.tell(number, state=TrialState.PRUNED)
        tell(f"trial {number}: {result['state']}, {result['value']}")
    return summary(study, folder, name)


def _space(row: str, config: Any) -> dict[str, Any]:
    """The parameters that a complete trial of this row has."""
    import optuna

    trial = optuna.create_study().ask()
    suggest(row, config, trial)
    return trial.params


def summary(study: Any, folder: Path, name: str) -> dict[str, Any]:
    """The search as an artefact: every trial with its parameters, curve and end."""
    trials = []
    for trial in study.get_trials(deepcopy=False):
        path = folder / f"trial-{trial.number}.json"
        result = json.loads(path.read_text()) if path.exists() else {"state": trial.state.name.lower()}
        trials.append({"number": trial.number, "params": trial.params, **result})
    complete = [t for t in trials if t["state"] == "complete"]
    best = min(complete, key=lambda t: t["value"])["number"] if complete else None
    return {"study": "search", "name": name, "best": best, "trials": trials}


def publish(result: dict[str, Any], folder: Path) -> Path:
    """Write the summary as an artefact; returns its path."""
    path = folder / f"search-{result['name']}.json"
    write_artefact(path, result)
    return path
