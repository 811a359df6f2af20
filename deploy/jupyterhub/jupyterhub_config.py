"""A class server to try on this machine alone: `make hub`, then http://127.0.0.1:8000, any name, the printed password.

Everybody's server runs as you, so whoever has the password has your account: this is for trying and measuring, and
README.md tells how to serve a class.  What the hub knows and what learners write lies in LESSONS_HUB_FOLDER and is
there again after a restart; the password is LESSONS_HUB_PASSWORD, else a new one at every start.
"""

import os
import secrets
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
c.JupyterHub.authenticator_class = "shared-password"
c.Authenticator.allow_all = True
# Every account of this machine reaches its loopback address.
PASSWORD = os.environ.get("LESSONS_HUB_PASSWORD") or secrets.token_hex(8)
c.SharedPasswordAuthenticator.user_password = PASSWORD
print(f"http://127.0.0.1:{PORT}: any name, password {PASSWORD}", file=sys.stderr)
# A hub that ends stops the learners' servers; one that is killed leaves them running, and the next one finds them.
c.JupyterHub.cleanup_servers = True

c.JupyterHub.spawner_class = Learner
c.SimpleLocalProcessSpawner.home_dir_template = str(FOLDER / "homes" / "{username}")
c.Spawner.cmd = [sys.executable, "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root"] if os.geteuid() == 0 else []
c.Spawner.default_url = "/lab/tree/lessons/00_start_here.ipynb"
c.Spawner.pre_spawn_hook = hand_out
c.Spawner.start_timeout = c.Spawner.http_timeout = 300
# One environment and one copy of the data for all; one thread each, so that a class shares the cores evenly; what a
# learner saves lies in the learner's own home.
c.Spawner.env_keep = ["PATH", "PYTHONPATH", "LANG", "LESSONS_BUDGET"]
c.Spawner.environment = {"OMP_NUM_THREADS": "1", "LESSONS_RUNS_DIR": "~/my_runs"}
for variable in ("LESSONS_DATA_DIR", "LESSONS_CACHE_DIR"):  # a relative path leads nowhere from a learner's home
    if folder := os.environ.get(variable):
        c.Spawner.environment[variable] = str(Path(folder).expanduser().resolve())

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
