"""What every learner's server is told on The Littlest JupyterHub; `tljh.sh` puts it where the hub reads it."""

from pathlib import Path

c = get_config()  # noqa: F821  (JupyterHub defines it)
c.Spawner.environment = {
    "OMP_NUM_THREADS": "1",  # a class shares the cores evenly
    "LESSONS_DATA_DIR": str(Path("/srv/lessons/data/cache")),
}
