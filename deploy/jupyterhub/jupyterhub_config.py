"""A class server to try on this machine alone: `make hub`, then http://127.0.0.1:8000 and any name.

Everybody's server runs as you, so this is for trying and measuring; README.md tells how to serve a class.  What the
hub knows and what learners write lies in LESSONS_HUB_FOLDER and is there again after a restart.
"""

import os
import shutil
import sys
from pathlib import Path

from jupyterhub.spawner import SimpleLocalProcessSpawner

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FOLDER = Path(os.environ.get("LESSONS_HUB_FOLDER", ROOT / "build" / "hub")).resolve()
PORT = int(os.environ.get("LESSONS_HUB_PORT", "8000"))  # and the two after it, for hub and proxy
MEMORY = int(os.environ.get("LESSONS_HUB_MEMORY_MB", "1500"))  # of one process of a learner
IDLE_SECONDS = 3600
FOLDER.mkdir(parents=True, exist_ok=True)


class Learner(SimpleLocalProcessSpawner):
    """A learner's server: a folder of its own, and a limit on the memory of each of its processes."""

    def make_preexec_fn(self, name):
        prepare = super().make_preexec_fn(name)

        def limited() -> None:
            import resource

            resource.setrlimit(resource.RLIMIT_DATA, (MEMORY * 2**20, MEMORY * 2**20))
            prepare()

        return limited


def hand_out(spawner) -> None:
    """The lessons, once: what a learner changed stays as it is."""
    own = Path(spawner.home_dir_template.format(username=spawner.user.name)) / "lessons"
    own.mkdir(parents=True, exist_ok=True)
    for lesson in (ROOT / "notebooks").glob("*.ipynb"):
        if not (own / lesson.name).exists():
            shutil.copyfile(lesson, own / lesson.name)


c = get_config()  # noqa: F821  (JupyterHub defines it)
c.JupyterHub.bind_url = f"http://127.0.0.1:{PORT}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{PORT + 1}"
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{PORT + 2}"
c.ConfigurableHTTPProxy.command = [str(HERE / "node_modules" / ".bin" / "configurable-http-proxy")]
c.ConfigurableHTTPProxy.pid_file = str(FOLDER / "proxy.pid")
c.JupyterHub.db_url = f"sqlite:///{FOLDER / 'hub.sqlite'}"
c.JupyterHub.cookie_secret_file = str(FOLDER / "cookie_secret")
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
# A hub that ends leaves the learners' servers alone, and the next one finds them.
c.JupyterHub.cleanup_servers = os.environ.get("LESSONS_HUB_CLEANUP", "1") == "1"

c.JupyterHub.spawner_class = Learner
c.SimpleLocalProcessSpawner.home_dir_template = str(FOLDER / "homes" / "{username}")
c.Spawner.cmd = [sys.executable, "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root"] if os.geteuid() == 0 else []
c.Spawner.default_url = "/lab/tree/lessons/00_start_here.ipynb"
c.Spawner.pre_spawn_hook = hand_out
c.Spawner.start_timeout = c.Spawner.http_timeout = 300
# One environment and one copy of the data for all; one thread each, so that a class shares the cores evenly; what a
# learner saves lies in the learner's own home.
c.Spawner.env_keep = ["PATH", "PYTHONPATH", "LANG", "LESSONS_DATA_DIR", "LESSONS_BUDGET"]
c.Spawner.environment = {"OMP_NUM_THREADS": "1", "LESSONS_RUNS_DIR": "~/my_runs"}

c.JupyterHub.services = [
    {
        "name": "idle-culler",
        "command": [sys.executable, "-m", "jupyterhub_idle_culler", f"--timeout={IDLE_SECONDS}"],
    }
]
c.JupyterHub.load_roles = [
    {
        "name": "idle-culler",
        "services": ["idle-culler"],
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
    }
]
if token := os.environ.get("LESSONS_HUB_TOKEN"):  # for the measurement: `lessons run class_server`
    c.JupyterHub.services.append({"name": "measurement", "api_token": token})
    c.JupyterHub.load_roles.append(
        {
            "name": "measurement",
            "services": ["measurement"],
            "scopes": ["admin:users", "admin:servers", "access:servers"],
        }
    )
