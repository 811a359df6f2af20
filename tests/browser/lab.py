"""A real JupyterLab, and one of its notebooks in a real browser, for tests."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import nbformat
from playwright.sync_api import Page

from tests.waiting import wait_for

# Debian's chromium will not start its sandbox as root; the rest keeps it from calling home.
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

# JupyterLab gives no way to cut its connection: keep every socket the page opens where a test can close it.
KEEP_SOCKETS = """
  window.testSockets = [];
  window.WebSocket = class extends window.WebSocket {
    constructor(...args) { super(...args); window.testSockets.push(this); }
  };
"""

PANEL = "window.jupyterapp.shell.currentWidget"


def write_notebook(path: Path, cells: list[str]) -> Path:
    """A notebook of code cells."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)
    return path


@contextlib.contextmanager
def lab_server(root: Path, log: Path) -> Iterator[str]:
    """JupyterLab with default settings on a free loopback port; gives its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as home, log.open("w") as output:
        folders = {
            name: f"{home}/{name.lower()}"
            for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
        }
        server = subprocess.Popen(
            [
                *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1"),
                *(f"--ServerApp.port={port}", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={root}"),
                # Only this test can know the port, and only while it runs.
                *("--IdentityProvider.token=", "--ServerApp.password="),
                "--LabApp.expose_app_in_browser=True",
            ],
            env=os.environ | folders | {"JUPYTER_PREFER_ENV_PATH": "1"},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_for(lambda: answers(address), 60, f"JupyterLab did not start: {log.read_text()[-2000:]}")
            yield address
        finally:
            server.terminate()
            server.wait(30)


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/api", timeout=2):
            return True
    except OSError:
        return False


class LabNotebook:
    """One notebook open in JupyterLab, and what went wrong on its page."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address
        self.errors: list[str] = []
        self.foreign_requests: list[str] = []
        page.on("pageerror", self._note_error)
        page.on("request", self._note_request)
        page.add_init_script(KEEP_SOCKETS)

    def _note_error(self, error) -> None:
        # JupyterLab takes its splash screen away twice where it was shown again while it faded: a timer of its own.
        frames = [line for line in (error.stack or "").splitlines() if line.strip().startswith("at ")]
        if "removeChild" in str(error) and len(frames) == 1 and "/jlab_core." in frames[0]:
            return
        self.errors.append(f"{error}\n{error.stack}")  # the stack says whose it is

    def _note_request(self, request) -> None:
        if not request.url.startswith((self.address, self.address.replace("http", "ws"), "data:", "blob:")):
            self.foreign_requests.append(request.url)

    def open(self, name: str) -> "LabNotebook":
        self.name = name
        self.page.goto(f"{self.address}/lab/tree/{name}?reset")
        self._wait_until_ready()
        return self

    def _wait_until_ready(self) -> None:
        self.page.wait_for_function(
            f"() => window.jupyterapp?.shell && {PANEL}?.content?.widgets?.length"
            f" && {PANEL}.sessionContext?.session?.kernel?.status === 'idle'",
            timeout=60_000,
        )

    def command(self, name: str, **arguments) -> None:
        """Run one of JupyterLab's commands and wait for it."""
        self.page.evaluate("([n, a]) => window.jupyterapp.commands.execute(n, a).then(() => null)", [name, arguments])

    def run_all(self) -> None:
        self.command("notebook:run-all-cells")

    def run_cell(self, index: int) -> None:
        self.page.evaluate(f"i => {{ {PANEL}.content.activeCellIndex = i }}", index)
        self.command("notebook:run-cell")

    def cell_with(self, text: str) -> int:
        """Position of the first cell whose source holds ``text``."""
        index = self.page.evaluate(
            f"text => {PANEL}.content.widgets.findIndex(c => c.model.sharedModel.getSource().includes(text))", text
        )
        assert index >= 0, f"no cell of {self.name} holds {text!r}"
        return index

    def show_cell(self, index: int) -> None:
        """Scroll to a cell: a notebook just opened makes the outputs it shows, and those alone."""
        self.page.evaluate(f"i => {PANEL}.content.scrollToItem(i)", index)

    def save(self) -> None:
        self.command("docmanager:save")

    def close_tab(self) -> None:
        self.save()
        self.command("application:close")
        self.page.wait_for_function(f"() => !{PANEL}?.sessionContext", timeout=10_000)

    def reopen_tab(self) -> None:
        self.command("docmanager:open", path=self.name)
        self._wait_until_ready()

    def restart_kernel(self) -> None:
        self.page.evaluate(f"() => {PANEL}.sessionContext.session.kernel.restart()")
        self._wait_until_ready()

    def cut_connection(self) -> None:
        """Close every websocket of the page, as a sleeping laptop does; JupyterLab connects again by itself."""
        self.page.evaluate("() => { for (const s of window.testSockets.splice(0)) s.close() }")

    def use_setting(self, plugin: str, **values) -> None:
        """One of JupyterLab's settings, as its editor saves it; a page opened from now on has it."""
        address = f"{self.address}/lab/api/settings/{plugin}"
        answer = self.page.request.put(address, data={"raw": json.dumps(values)}, headers=self._no_forgery())
        assert answer.ok, answer.text()

    def use_theme(self, dark: bool) -> None:
        self.command("apputils:change-theme", theme=f"JupyterLab {'Dark' if dark else 'Light'}")
        self.page.wait_for_function(f"() => document.body.dataset.jpThemeLight === '{str(not dark).lower()}'")

    def picture(self, name: str) -> None:
        """A screenshot in the folder that LESSONS_PICTURES names, to be looked at; none where it names none."""
        if folder := os.environ.get("LESSONS_PICTURES"):
            time.sleep(1)  # what moves comes to rest
            self.page.screenshot(path=Path(folder) / f"{name}.png")

    def execute(self, code: str, seconds: float = 60) -> str:
        """What ``code`` prints in the notebook's kernel; a traceback fails the test."""
        printed, error = self.page.evaluate(
            f"""async ([code, ms]) => {{
                const kernel = {PANEL}.sessionContext.session.kernel;
                const future = kernel.requestExecute({{code, store_history: false}});
                let printed = '', error = '';
                future.onIOPub = message => {{
                    if (message.header.msg_type === 'stream') printed += message.content.text;
                    if (message.header.msg_type === 'error') error = message.content.traceback.join('\\n');
                }};
                const late = new Promise((_, no) => setTimeout(() => no(new Error('no answer: ' + code)), ms));
                await Promise.race([future.done, late]);
                return [printed.trim(), error];
            }}""",
            [code, seconds * 1000],
        )
        assert not error, error
        return printed

    def kernel(self, expression: str) -> str:
        """``print(expression)`` in the notebook's kernel."""
        return self.execute(f"print({expression})")

    def shut_down_kernels(self) -> None:
        kernels = self.page.request.get(f"{self.address}/api/sessions").json()
        for session in kernels:
            self.page.request.delete(f"{self.address}/api/sessions/{session['id']}", headers=self._no_forgery())

    def _no_forgery(self) -> dict[str, str]:
        token = next((c["value"] for c in self.page.context.cookies() if c["name"] == "_xsrf"), "")
        return {"X-XSRFToken": token}

    def assert_clean(self) -> None:
        assert not self.errors, self.errors
        assert self.foreign_requests == []
