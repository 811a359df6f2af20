"""Record the README's pictures from lesson 00 in the real JupyterLab: ``python -m tests.browser.record``.

The first minute as an animation of twelve seconds, its last frame as a still, and the lesson's figure to take away,
which has the fair rival.  Needs the test environment and Pillow, and a quiet machine for a smooth picture.  (The
picture of the study is lesson 12's stored one: ``python -m tests.project.test_readme`` writes it.)
"""

import io
import shutil
import tempfile
import time
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from conftest import chromium_path
from tests.browser.lab import CHROMIUM_FLAGS, LabNotebook, lab_server
from tests.browser.steering import PanelPage

ROOT = Path(__file__).parents[2]
LESSON, PICTURES = ROOT / "notebooks" / "00_start_here.ipynb", ROOT / "notebooks" / "pictures"
PULL_AT, BOUND, LAST = 300, 0.9, 700  # steps
SECONDS, FRAMES, WIDTH, BYTES = 12, 72, 960, 2_000_000


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        shutil.copy(LESSON, folder)
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_FLAGS)
        with lab_server(Path(folder), Path(folder) / "log.txt") as address:
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            notebook = LabNotebook(page, address).open(LESSON.name)
            notebook.command("application:toggle-left-area")
            frames = first_minute(PanelPage(notebook))
            save_animation(thinned(frames), PICTURES / "first_minute.webp")
            frames[-1].save(PICTURES / "first_minute.png", optimize=True)
            take_away(notebook).save(PICTURES / "take_away.png", optimize=True)
            notebook.shut_down_kernels()


def first_minute(panel: PanelPage) -> list[Image.Image]:
    """Bet, play, pull the bound while it trains, and watch: a frame as often as the page can give one."""
    page = panel.notebook.page
    panel.run_all()
    page.evaluate("() => document.querySelector('.lessons-panel').scrollIntoView({block: 'start'})")
    frames = [shot(panel)]
    panel.commit("lower")
    frames.append(shot(panel))
    panel.play()
    frames += watched(panel, PULL_AT)
    panel.switch_on("bound")
    handle = panel.slider("λ").bounding_box()
    base = page.locator(".widget-slider", has_text="λ").locator(".noUi-base").first.bounding_box()
    x, y = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for part in range(1, 7):
        page.mouse.move(x + (base["x"] + 0.36 * base["width"] - x) * part / 6, y)
        frames.append(shot(panel))
    page.mouse.up()
    box = page.locator(".lessons-number", has_text="λ").locator("input[type=text]").first
    box.fill(str(BOUND))
    box.press("Enter")
    frames += watched(panel, LAST)
    panel.button("Pause").click()
    time.sleep(1)
    return [*frames, shot(panel)]


def watched(panel: PanelPage, until: int) -> list[Image.Image]:
    frames = []
    while panel.steps() < until:
        frames.append(shot(panel))
    return frames


def shot(panel: PanelPage) -> Image.Image:
    picture = panel.notebook.page.locator(".lessons-panel").first.screenshot()
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    return image.resize((WIDTH, round(image.height * WIDTH / image.width)), Image.Resampling.LANCZOS)


def thinned(frames: list[Image.Image]) -> list[Image.Image]:
    """As many as are shown, evenly spaced, the first and the last among them."""
    return [frames[round(i * (len(frames) - 1) / (FRAMES - 1))] for i in range(FRAMES)]


def save_animation(frames: list[Image.Image], path: Path) -> None:
    """Write it at the best quality that fits.

    Raises:
        ValueError: no quality does.
    """
    height = min(frame.height for frame in frames)
    same = [frame.crop((0, 0, WIDTH, height)) for frame in frames]
    for quality in (60, 40, 20):
        options = {"save_all": True, "append_images": same[1:], "duration": 1000 * SECONDS // FRAMES, "loop": 0}
        same[0].save(path, quality=quality, method=4, **options)
        if path.stat().st_size <= BYTES:
            print(f"{path.name}: {len(frames)} frames, quality {quality}, {path.stat().st_size:,} bytes")
            return
    raise ValueError(f"{path.name} has more than {BYTES:,} bytes at every quality: record fewer frames")


def take_away(notebook: LabNotebook) -> Image.Image:
    """The lesson's figure of four runs, the ordinary start among them."""
    notebook.show_cell(notebook.cell_with("Forgetting repaired a bad start"))
    plot = notebook.page.locator(".js-plotly-plot", has_text="Forgetting repaired a bad start").first
    plot.wait_for()
    return Image.open(io.BytesIO(plot.screenshot()))


if __name__ == "__main__":
    main()
