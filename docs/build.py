"""Build what is read without a kernel: the site and the slides.  Offline; nothing built is committed.

python docs/build.py site           into build/site
    python docs/build.py slides 08      into build/slides, from the lesson's cells that carry a slide type
"""

import shutil
import sys
from pathlib import Path

import typer
from sphinx.cmd.build import build_main

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent
SITE = ROOT / "build" / "site"

application = typer.Typer(help=__doc__, rich_markup_mode=None, add_completion=False)


@application.command("site")
def build_site(target: Path = SITE) -> None:
    """Every page; a warning is an error.  A site that the folder held before goes."""
    a_site = target.resolve() == SITE.resolve() or (target / ".buildinfo").exists()
    if not a_site and target.is_dir() and any(target.iterdir()):
        raise ValueError(f"{target} holds what is no site and would be lost: choose an empty folder or a new one")
    shutil.rmtree(target, ignore_errors=True)
    options = ["-q", "-W", "--keep-going", "-j", "2", "-E", "-d", str(target.parent / "doctrees"), "-c", str(FOLDER)]
    raise typer.Exit(build_main([*options, str(ROOT), str(target)]))


@application.command("slides")
def build_slides(beginning: str, target: Path = ROOT / "build" / "slides") -> None:
    """The slides of the lessons whose file names begin so; of all that have some where that is empty."""
    sys.path.insert(0, str(ROOT))
    from docs.slides import write
    from notebooks.build import lessons

    for path in lessons(beginning):
        try:
            typer.echo(write(path, target))
        except ValueError as error:
            typer.echo(str(error), err=True)
            if beginning:
                raise typer.Exit(1) from error


if __name__ == "__main__":
    try:
        application()
    except ValueError as error:
        sys.exit(str(error))
