"""Build what is read without a kernel: the site.  Offline; nothing built is committed.

python docs/build.py site           into build/site
"""

import shutil
from pathlib import Path

import typer
from sphinx.cmd.build import build_main

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent

application = typer.Typer(help=__doc__, rich_markup_mode=None, add_completion=False)


@application.callback()
def _several_commands() -> None:
    """Without this, typer would take the only command's name for granted."""


@application.command("site")
def build_site(target: Path = ROOT / "build" / "site") -> None:
    """Every page; a warning is an error."""
    shutil.rmtree(target, ignore_errors=True)
    options = ["-q", "-W", "--keep-going", "-j", "2", "-E", "-d", str(target.parent / "doctrees"), "-c", str(FOLDER)]
    raise typer.Exit(build_main([*options, str(ROOT), str(target)]))


if __name__ == "__main__":
    application()
