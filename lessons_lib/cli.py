"""The command line: ``lessons --help``."""

from __future__ import annotations

import contextlib
import shlex
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import torch
import typer

from lessons_lib import bench as benchmarks
from lessons_lib.corpora import DataUnavailable
from lessons_lib.experiments.catalogue import experiments_in
from lessons_lib.experiments.certificate import CertificateError
from lessons_lib.experiments.experiment import Case, has
from lessons_lib.files import cache_folder, results_folder
from lessons_lib.training import CheckpointError
from lessons_lib.wikitext2 import experiment as wikitext2
from lessons_lib.wikitext2 import rows as configs
from lessons_lib.wikitext2 import table
from lessons_lib.wikitext2.training import DivergedError

app = typer.Typer(
    help="When recurrent models don't need to be recurrent: the experiments behind the lessons.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
study_app = typer.Typer(help="Train, certify and publish one row of a study.", no_args_is_help=True)
app.add_typer(study_app, name="study")

WITH_EXPERIMENTS = ("experiments", "wikitext2", "lessons")
# What a person can mend: said in one line, without a traceback.
EXPECTED: tuple[type[Exception], ...] = (ValueError, CheckpointError, DataUnavailable, OSError)
REFUSED: tuple[type[Exception], ...] = (CertificateError, DivergedError)
EXTRAS = {"ray": "ray"}  # what is imported only where it is needed is in the extra "lab", but for these

SeedOption = Annotated[int, typer.Option(help="Seed of the weights and of dropout.")]
PresetOption = Annotated[str, typer.Option(help=f"One of {', '.join(configs.PRESETS)}.")]
CorpusOption = Annotated[str, typer.Option(help="wikitext2, or synthetic to try things out without data.")]
FolderOption = Annotated[Path | None, typer.Option(help="Where artefacts are; data/results by default.")]


@contextlib.contextmanager
def one_line_errors(*refused: type[Exception]) -> Iterator[None]:
    """Turn what a person can mend into one line on stderr and exit code 2 (1 for a result that is refused)."""
    said = (*EXPECTED, *REFUSED, *refused)
    try:
        yield
    except ModuleNotFoundError as error:
        name = (error.name or "").split(".")[0]
        if name in ("", __package__):
            raise
        extra = EXTRAS.get(name, "lab")
        typer.echo(f"lessons: {name} is not installed: pip install 'lessons-lib[{extra}]'", err=True)
        raise typer.Exit(2) from error
    except said as error:
        typer.echo(f"lessons: {' '.join(str(error).split())}", err=True)
        raise typer.Exit(2 if isinstance(error, EXPECTED) else 1) from error


def writable(results: Path | None) -> Path:
    """The folder for what is to be published, made if need be: asked for before the training, not after it.

    Raises:
        ValueError: it cannot be written.
    """
    folder = results or results_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise ValueError(
            f"results cannot be written to {folder} ({error.strerror}): add --results FOLDER with a folder of yours"
        ) from error


@study_app.command("wikitext2")
def study_wikitext2(
    row: Annotated[str, typer.Option(help=f"One of {', '.join(configs.ROWS)}.")],
    preset: PresetOption = "laptop",
    seed: SeedOption = 0,
    bound: Annotated[
        float | None, typer.Option(help="Another λ or forget ceiling than the row's own, for what stability costs.")
    ] = None,
    rate: Annotated[float | None, typer.Option(help="Another learning rate than the row's own.")] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, ...; LESSONS_DEVICE or the best by default.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the checkpoint, if there is one.")] = False,
    afresh: Annotated[bool, typer.Option("--afresh", help="Delete the checkpoint, if there is one.")] = False,
    corpus: CorpusOption = "wikitext2",
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 1,
    checkpoints: Annotated[Path | None, typer.Option(help="Folder for checkpoints; in the cache by default.")] = None,
    results: FolderOption = None,
) -> None:
    """Train one row with one seed; certify it; write its artefact.

    Ctrl-C leaves a checkpoint, a second one or a kill leaves the last: run the same command with --resume to go on,
    with --afresh to begin again.

    Example:  lessons study wikitext2 --row lstm-stable --preset ci --seed 0
    """
    with one_line_errors():
        torch.set_num_threads(threads)
        training = wikitext2.row_training(
            row, seed, bound, rate, preset=preset, corpus=corpus, device=device, checkpoints=checkpoints
        )
        if resume and afresh:
            raise ValueError("--resume goes on from the checkpoint, --afresh deletes it: give one of the two")
        results = writable(results)
        if afresh:
            training.checkpoint.unlink(missing_ok=True)
        elif training.checkpoint.exists() and not resume:
            raise ValueError(
                f"{training.checkpoint} is there from an earlier run: "
                "add --resume to go on from it, or --afresh to delete it"
            )
        try:
            path = wikitext2.finish(training, results)
        except KeyboardInterrupt:
            kept = training.resume()  # of what is in memory, a second Ctrl-C may have left half a step
            step, steps = training.state.step, training.steps
            said = f"step {step} of {steps} is saved: add --resume to go on from it" if kept else "nothing was saved"
            typer.echo(f"stopped; {said}", err=True)
            raise typer.Exit(130) from None
        typer.echo(f"wrote {path.name}: {table.read_artefact(path)['test_perplexity']:.1f} test perplexity")


@app.command("run")
def run(
    name: Annotated[str | None, typer.Argument(help="An experiment; without one all are listed.")] = None,
    case: Annotated[list[str] | None, typer.Option(help="key=value: only the cases that have it.")] = None,
    seed: Annotated[int | None, typer.Option(help="Only the cases with this seed.")] = None,
    missing: Annotated[bool, typer.Option("--missing", help="Run whatever is missing of any experiment.")] = False,
    results: FolderOption = None,
) -> None:
    """Measure what an experiment's file in data/results lacks; killed, the same command goes on.

    Example:  lessons run truncation_words --case k=5 --seed 0
    """
    with one_line_errors():
        found = experiments_in(*(f"{__package__}.{room}" for room in WITH_EXPERIMENTS))
        if name is not None and name not in found:
            raise ValueError(f"no experiment {name!r}: choose one of {', '.join(found)}")
        chosen = list(found.values()) if name is None else [found[name]]
        words = (case or []) + ([] if seed is None else [f"seed={seed}"])
        if name is None and not missing:
            if words:
                raise ValueError("--case and --seed choose what is measured: name an experiment, or add --missing")
            for experiment in chosen:
                todo = experiment.missing(results)
                typer.echo(f"{experiment.name}: {experiment.about}; {f'{len(todo)} missing' if todo else 'complete'}")
                for one in todo:
                    typer.echo(f"  missing: lessons run {experiment.name} {as_options(one)}".rstrip())
            return
        if name is None and words:
            chosen = [one for one in chosen if any(has(case_of_it, words) for case_of_it in one.known(results))]
            if not chosen:
                raise ValueError(f"no case of any experiment has {' and '.join(words)}: `lessons run` lists them")
        for experiment in chosen:
            if experiment.missing(results):
                writable(results)
            experiment.run(words, results, typer.echo)
            typer.echo(f"{experiment.name}: {len(experiment.missing(results))} missing")


def as_options(case: Case) -> str:
    """A case as the options that choose it."""
    words = ((key, shlex.quote(f"{key}={value}")) for key, value in case.items())
    return " ".join(f"--seed {case[key]}" if key == "seed" else f"--case {word}" for key, word in words)


@app.command("search")
def search(
    row: Annotated[str, typer.Option(help=f"One of {', '.join(configs.ROWS)}.")],
    preset: PresetOption = "laptop",
    trials: Annotated[int, typer.Option(min=1, help="Finished trials, pruned ones included.")] = 10,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs per trial.")] = 1,
    processes: Annotated[int, typer.Option(min=1, help="Trials trained at once.")] = 2,
    device: Annotated[str, typer.Option(help="cpu or cuda; several trials share one GPU.")] = "cpu",
    ray: Annotated[bool, typer.Option(help="Send trials as Ray tasks (extra: ray).")] = False,
    gpus: Annotated[float, typer.Option(min=0.0, help="With --ray: GPUs a trial, 0.5 for two on one card.")] = 0.0,
    corpus: CorpusOption = "wikitext2",
    folder: Annotated[
        Path | None, typer.Option(help="Journal and checkpoints, shared between nodes; in the cache by default.")
    ] = None,
    results: FolderOption = None,
) -> None:
    """Search one row's hyper-parameters; killed workers and a killed driver resume (same command again).

    Example:  lessons search --row lstm-stable --trials 10 --processes 2
    """
    from lessons_lib.wikitext2 import search as searching

    with one_line_errors(searching.WorkerError):
        place = (folder or cache_folder() / "search") / f"{corpus}-{row}-{preset}"
        results = writable(results)
        workers = searching.RayTasks(gpus) if ray else searching.Processes()
        result = searching.run(
            searching.Search(row, preset, epochs, place, corpus, device), trials, workers, processes, typer.echo
        )
        path = searching.publish(result, results)
        typer.echo(f"wrote {path.name}: best trial {result['best']}")


@app.command("table")
def show_table(
    preset: PresetOption = "laptop", corpus: CorpusOption = "wikitext2", results: FolderOption = None
) -> None:
    """Rebuild the study's table from its artefacts, and say what is missing."""
    with one_line_errors():
        rows = table.read_table(preset, corpus, results)
        typer.echo(table.as_markdown(rows))
        for command in table.missing(rows, corpus):
            typer.echo(f"missing: {command}")


@app.command("doctor")
def doctor() -> None:
    """Say what this machine has and lacks; exit code 1 when the lessons cannot work."""
    from lessons_lib.lessons.lesson_00.doctor import doctor as look

    rows = look()
    for row in rows:
        typer.echo(f"{row.state:6} {row.name}: {row.detail}" + (f"  -> {row.remedy}" if row.remedy else ""))
    raise typer.Exit(1 if any(row.state == "red" for row in rows) else 0)


@app.command("data")
def data() -> None:
    """Fetch WikiText-2 and the JSB chorales into the cache, hashes checked."""
    from lessons_lib.corpora import download

    with one_line_errors():
        for file in (*download.WIKITEXT2.values(), download.JSB_CHORALES):
            typer.echo(f"{file.path}: {len(download.read(file)):,} bytes, hash checked")


@app.command("bench")
def bench(
    names: Annotated[
        list[str] | None, typer.Argument(help=f"Some of {', '.join(benchmarks.BENCHMARKS)}; all by default.")
    ] = None,
    slack: Annotated[float, typer.Option(min=0.0, help="Share of a limit by which a busy machine may miss it.")] = 0.0,
) -> None:
    """Print speed and memory as ratios measured in one run; exit code 1 when a limit is missed twice.

    Example:  lessons bench training corpora
    """
    with one_line_errors():
        kept = [benchmarks.run(name, typer.echo, slack) for name in names or benchmarks.BENCHMARKS]
    raise typer.Exit(0 if all(kept) else 1)


if __name__ == "__main__":
    app()
