"""How many learners one machine carries: real hub, proxy, servers and kernels, and a headless client for each learner.

A client opens lesson 00 through the hub, runs its cells up to the live experiment, presses Play and moves the slider
of the bound λ, by the messages that a browser would send.  No browser draws: in a class each learner's own machine
does.  Everything stays on the loopback address.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lessons_lib.corpora import download
from lessons_lib.experiments.experiment import Experiment, grid
from lessons_lib.experiments.machine import describe_machine
from lessons_lib.files import checkout

LESSON = "lessons/00_start_here.ipynb"
MOVES, PAUSE = 25, 0.3  # of each learner's slider, and seconds between two of them
PATIENCE = 600.0  # seconds for a server or a cell on a busy machine
FILLS_MEMORY = "hoard = [bytearray(10**8) for _ in range(1000)]"
NEVER_ENDS = "while True: pass"


@dataclass(frozen=True)
class Point:
    """One size of the class, beside a lone learner on the same hub in the same run.

    Steps are training steps a second; p95 is the 95th percentile of the milliseconds from a move of the slider to the
    first step that used it; megabytes are proportional set sizes of a learner's server and kernel together.
    ``runaway_share`` is the others' speed, relative to before, while one learner's cell filled its memory and then ran
    on and on; None for a class of one.  ``reconnections`` counts connections that a busy machine let go of, before the
    hub was killed.
    """

    learners: int
    machine: str
    alone_steps: float
    alone_p95: float
    steps: list[float]
    p95: float
    learner_megabytes: list[float]
    hub_megabytes: float
    runaway_share: float | None
    memory_was_refused: bool | None
    restart_seconds: float
    files_kept: bool
    kernels_kept: bool
    reconnections: int = 0


class Learner:
    """A headless client of the hub: one user, one server, one kernel."""

    def __init__(self, address: str, token: str, name: str):
        self.address, self.name = address, name
        self.headers = {"Authorization": f"token {token}", "Content-Type": "application/json"}
        self.session = uuid.uuid4().hex
        self.kernel = ""
        self.socket: Any = None
        self.reconnections = 0

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The answer of the hub's or the server's REST API.  tornado's HTTPError where it refuses."""
        from tornado.httpclient import AsyncHTTPClient

        sent = None if method in ("GET", "DELETE") else json.dumps(body or {})
        response = await AsyncHTTPClient().fetch(
            self.address + path, method=method, headers=self.headers, body=sent, request_timeout=PATIENCE
        )
        return json.loads(response.body) if response.body else None

    async def open(self) -> None:
        """Start the learner's server and a kernel for the lesson."""
        await self.ask("POST", f"/hub/api/users/{self.name}")
        await self.ask("POST", f"/hub/api/users/{self.name}/server")
        ends = time.monotonic() + PATIENCE
        while not (await self.ask("GET", f"/hub/api/users/{self.name}"))["servers"].get("", {}).get("ready"):
            if time.monotonic() > ends:
                raise TimeoutError(f"the server of {self.name} did not start")
            await asyncio.sleep(0.5)
        session = {"path": LESSON, "name": "", "type": "notebook", "kernel": {"name": "python3"}}
        opened = await self.ask("POST", f"/user/{self.name}/api/sessions", session)
        self.kernel = opened["kernel"]["id"]
        await self.connect()

    async def connect(self) -> None:
        """A websocket to the kernel, through the proxy."""
        from tornado.httpclient import HTTPRequest
        from tornado.websocket import websocket_connect

        url = f"{self.address.replace('http', 'ws')}/user/{self.name}/api/kernels/{self.kernel}/channels"
        request = HTTPRequest(f"{url}?session_id={self.session}", headers=self.headers, request_timeout=PATIENCE)
        self.socket = await websocket_connect(request, max_message_size=2**26)

    async def connect_again(self) -> None:
        """Connect as a page does, again and again until it works."""
        from tornado.httpclient import HTTPError

        ends = time.monotonic() + PATIENCE
        while True:
            try:
                await self.connect()
                return
            except (OSError, HTTPError):
                if time.monotonic() > ends:
                    raise
                await asyncio.sleep(0.5)

    def message(self, kind: str, content: dict[str, Any]) -> dict[str, Any]:
        """A message to the kernel, not sent yet."""
        header = {"msg_type": kind, "msg_id": uuid.uuid4().hex, "session": self.session}
        header |= {"username": self.name, "version": "5.3"}
        return {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}

    async def send(self, message: dict[str, Any]) -> None:
        await self.socket.write_message(json.dumps(message))

    async def execute(self, code: str) -> str:
        """What the code prints.  RuntimeError where it raises."""
        asked = self.message("execute_request", {"code": code, "silent": False, "allow_stdin": False})
        await self.send(asked)
        printed, begun, replied, idle = [], False, False, False
        while not (replied and idle):
            raw = await asyncio.wait_for(self.socket.read_message(), PATIENCE)
            if raw is None:  # as a page does: the server has kept what the kernel said meanwhile
                self.reconnections += 1
                await self.connect_again()
                if not begun:  # it was lost on the way
                    await self.send(asked)
                continue
            if isinstance(raw, bytes):
                continue  # a frame of a live plot
            message = json.loads(raw)
            if message["parent_header"].get("msg_id") != asked["header"]["msg_id"]:
                continue
            begun = True
            kind, content = message["header"]["msg_type"], message["content"]
            if kind == "stream" and content["name"] == "stdout":
                printed.append(content["text"])
            if kind == "error":
                raise RuntimeError(f"{content['ename']}: {content['evalue']}")
            replied |= kind == "execute_reply"
            idle |= kind == "status" and content["execution_state"] == "idle"
        return "".join(printed)

    async def prepare(self) -> None:
        """Run the lesson's cells up to its live experiment, and free the slider of the bound."""
        notebook = await self.ask("GET", f"/user/{self.name}/api/contents/{LESSON}")
        for cell in notebook["content"]["cells"]:
            if cell["cell_type"] == "code":
                await self.execute(cell["source"])
                if "TrainingPanel(" in cell["source"] and "import" not in cell["source"]:
                    break
        found = await self.execute(
            "import time; control = _.controls['stable_set']; run.steps = None\n"
            "print(control.slider.comm.comm_id, control._switch.comm.comm_id)"
        )
        self.slider, switch = found.split()
        await self.move(switch, True)

    async def move(self, widget: str, value: Any) -> float:
        """Set a widget's value as a browser does; gives the time, on this machine's one clock."""
        data = {"method": "update", "state": {"value": value}, "buffer_paths": []}
        at = time.monotonic()
        await self.send(self.message("comm_msg", {"comm_id": widget, "data": data}))
        return at

    async def count(self) -> tuple[float, int, int]:
        """The kernel's time, steps taken, settings changed."""
        seconds, steps, changes = (
            await self.execute("print(time.monotonic(), run.step_count, len(run.history.changes))")
        ).split()
        return float(seconds), int(steps), int(changes)

    async def steer(self) -> tuple[float, list[float]]:
        """Train and move the slider: steps a second, and milliseconds from each move to the first step that used it."""
        await self.execute("run.start()")
        while (await self.count())[1] < 5:
            await asyncio.sleep(0.2)
        began, first_step, first = await self.count()
        moved = []
        for move in range(MOVES):
            moved.append(await self.move(self.slider, _bound(move)))
            await asyncio.sleep(PAUSE)
        ended, last_step, _ = await self.count()
        last, used = _bound(MOVES - 1), [[0.0, 0.0]]
        ends = time.monotonic() + 60
        while abs(used[-1][1] - last) > 1e-6:
            if time.monotonic() > ends:
                raise RuntimeError(f"the last move of {self.name} reached no step")
            await asyncio.sleep(0.2)
            code = f"print([[c.at, c.new.knob_value] for c in run.history.changes[{first}:]] or [[0, 0]])"
            used = json.loads(await self.execute(code))
        # Between two steps the last of several moves counts: the one before was answered by the same step.
        waited = [
            1000 * (next(at for at, value in used if value > _bound(move) - 1e-6) - moved[move])
            for move in range(MOVES)
        ]
        return (last_step - first_step) / (ended - began), waited


def _bound(move: int) -> float:
    """Where the slider goes: every move further right."""
    return 1 + 0.05 * (move + 1)


def percentile_95(values: Sequence[float]) -> float:
    return sorted(values)[max(0, round(0.95 * len(values)) - 1)]


def _free_ports(count: int) -> int:
    """The first of so many free ports in a row."""
    for _ in range(100):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            first = probe.getsockname()[1]
        taken = []
        for port in range(first, min(first + count, 65_535)):
            with socket.socket() as probe:
                taken.append(probe.connect_ex(("127.0.0.1", port)) == 0)
        if len(taken) == count and not any(taken):
            return first
    raise OSError("no free ports in a row")


class Hub:
    """A hub on loopback, which can be killed and started again over the same folder.

    Raises:
        FileNotFoundError: there is no checkout, or no proxy in it.
    """

    def __init__(self, folder: Path):
        root = checkout()
        if root is None:
            raise FileNotFoundError("the class server needs a checkout: its configuration lies in deploy/jupyterhub")
        self.token, self.port, self.folder = secrets.token_hex(16), _free_ports(3), folder
        self.config = root / "deploy" / "jupyterhub" / "jupyterhub_config.py"
        if not (self.config.parent / "node_modules").is_dir():
            raise FileNotFoundError("the proxy is not installed: run `make hub` once")
        self.address = f"http://127.0.0.1:{self.port}"
        self.process = self.start()

    def start(self) -> subprocess.Popen:
        told = {
            "LESSONS_HUB_FOLDER": str(self.folder),
            "LESSONS_HUB_PORT": str(self.port),
            "LESSONS_HUB_TOKEN": self.token,
        }
        with open(self.folder / "hub.log", "ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "jupyterhub", "-f", str(self.config)],
                env=os.environ | told,
                cwd=self.folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill_and_start_again(self) -> None:
        """As after a crash: no time to tidy up."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process = self.start()

    async def answers(self) -> None:
        """Wait until the hub answers through its proxy."""
        from tornado.httpclient import AsyncHTTPClient, HTTPError

        ends = time.monotonic() + PATIENCE
        while True:
            try:
                await AsyncHTTPClient().fetch(f"{self.address}/hub/api/")
                return
            except (OSError, HTTPError):
                if self.process.poll() is not None or time.monotonic() > ends:
                    raise RuntimeError((self.folder / "hub.log").read_text()[-2000:]) from None
                await asyncio.sleep(0.2)

    def _processes(self) -> Iterator[tuple[str, Any]]:
        """Its own processes under "", and those of each learner under the learner's name."""
        import psutil

        for process in psutil.process_iter():
            with suppress(psutil.Error):  # it ended meanwhile, or is another user's
                told = process.environ()
                ours = told.get("JUPYTERHUB_API_URL", "").startswith(f"http://127.0.0.1:{self.port + 1}/")
                if ours or told.get("LESSONS_HUB_PORT") == str(self.port):
                    yield told.get("JUPYTERHUB_USER", ""), process

    def megabytes(self) -> dict[str, float]:
        """Proportional set sizes: of each learner's processes by name, and of hub and proxy under ''."""
        import psutil

        found: dict[str, float] = {}
        for name, process in self._processes():
            with suppress(psutil.Error):
                found[name] = found.get(name, 0.0) + process.memory_full_info().pss / 2**20
        return found

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        import psutil

        for _, left in self._processes():  # a service of the hub that was killed
            with suppress(psutil.Error):
                left.kill()


@contextmanager
def _hub() -> Iterator[Hub]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        hub = Hub(Path(folder))
        try:
            yield hub
        finally:
            hub.stop()


def measure(learners: int) -> Point:
    """A class of this size, on a hub of its own."""
    with _hub() as hub:
        return asyncio.run(_measure(hub, learners))


async def _measure(hub: Hub, learners: int) -> Point:
    machine = describe_machine()
    await hub.answers()
    everyone = [Learner(hub.address, hub.token, f"learner{number}") for number in range(learners)]
    for learner in everyone:
        await learner.open()
    await asyncio.gather(*(learner.prepare() for learner in everyone))
    first, *others = everyone
    alone_steps, alone_waited = await first.steer()
    together = await asyncio.gather(*(learner.steer() for learner in everyone))
    steps = [speed for speed, _ in together]
    megabytes = hub.megabytes()

    share = refused = None
    if others:
        *quiet, wild = everyone
        refused = "MemoryError" in await _raised(wild, FILLS_MEMORY)
        await wild.send(wild.message("execute_request", {"code": NEVER_ENDS, "silent": False}))
        beside = await asyncio.gather(*(learner.steer() for learner in quiet))
        share = sum(speed for speed, _ in beside) / sum(steps[:-1])
        await wild.ask("POST", f"/user/{wild.name}/api/kernels/{wild.kernel}/interrupt")
    reconnections = sum(learner.reconnections for learner in everyone)
    restart_seconds, files_kept, kernels_kept = await _kill_the_hub(hub, everyone)
    return Point(
        learners,
        machine,
        alone_steps,
        percentile_95(alone_waited),
        steps,
        percentile_95([waited for _, all_waited in together for waited in all_waited]),
        [megabytes[learner.name] for learner in everyone],
        megabytes[""],
        share,
        refused,
        restart_seconds,
        files_kept,
        kernels_kept,
        reconnections,
    )


async def _raised(learner: Learner, code: str) -> str:
    try:
        await learner.execute(code)
    except RuntimeError as error:
        return str(error)
    return ""


async def _kill_the_hub(hub: Hub, everyone: Sequence[Learner]) -> tuple[float, bool, bool]:
    """Kill the hub under its learners: seconds until all work again; whether all files and kernels are as before."""
    written = {"type": "file", "format": "text", "content": "what I wrote"}
    before = []
    for learner in everyone:
        await learner.ask("PUT", f"/user/{learner.name}/api/contents/mine.txt", written)
        await learner.execute("mine = 'what I computed'")
        before.append((await learner.count())[1])
    killed = time.monotonic()
    hub.kill_and_start_again()
    await hub.answers()
    files, kernels = [], []
    for learner, steps in zip(everyone, before, strict=True):
        await learner.connect_again()
        files.append((await learner.ask("GET", f"/user/{learner.name}/api/contents/mine.txt"))["content"])
        kernels.append(
            await learner.execute("print(mine)") == "what I computed\n" and (await learner.count())[1] >= steps
        )
    return time.monotonic() - killed, all(content == "what I wrote" for content in files), all(kernels)


CLASS_SERVER = Experiment(
    "class_server",
    "a class on one machine: speed, slider and memory of N learners, beside one alone",
    grid(learners=(1, 2, 4, 6, 8)),
    measure,
    Point,
    {"lesson": LESSON, "moves": MOVES, "seconds_between_moves": PAUSE, "threads_a_kernel": 1, "client": "headless"},
    unit="training steps a second; milliseconds from a move of the slider to the first step that used it; megabytes",
    data=download.WIKITEXT2,
)
