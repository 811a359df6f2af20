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

application = typer.Typer(help=__doc__, rich_markup_mode=None, add_completion=False)


@application.command("site")
def build_site(target: Path = ROOT / "build" / "site") -> None:
    """Every page; a warning is an error."""
    shutil.rmtree(target, ignore_errors=True)
    options = ["-q", "-W", "--keep-going", "-j", "2", "-E", "-d", str(target.parent / "doctrees"), "-c", str(FOLDER)]
    raise typer.Exit(build_main([*options, str(ROOT), str(target)]))


@application.command("slides")
def build_slides(beginning: str, target: Path = ROOT / "build" / "slides") -> None:
    """The slides of the lessons whose file names begin so."""
    sys.path.insert(0, str(ROOT))
    from docs.slides import write
    from notebooks.build import lessons

    for path in lessons(beginning):
        typer.echo(write(path, target))


if __name__ == "__main__":
    application()
