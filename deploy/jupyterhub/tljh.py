"""What every learner's server is told on The Littlest JupyterHub; `tljh.sh` puts it where the hub reads it."""

c = get_config()  # noqa: F821  (JupyterHub defines it)
c.Spawner.environment = {
    "OMP_NUM_THREADS": "1",  # a class shares the cores evenly
    "LESSONS_DATA_DIR": "/srv/lessons/data/cache",
    # The checkout is read-only for learners: checkpoints and what a panel saves lie in their own homes.  What the
    # command line publishes goes to the checkout's results unless --results names another folder.
    "LESSONS_CACHE_DIR": "~/.cache/lessons_lib",
    "LESSONS_RUNS_DIR": "~/my_runs",
}
