#!/bin/sh
# Settings of The Littlest JupyterHub for this course; run as root. MEMORY and CPU are limits a learner.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
hub_python=$(sed -n '1s/^#!//p' "$(command -v tljh-config)")
configuration=$("$hub_python" -c 'from tljh.config import CONFIG_DIR; print(CONFIG_DIR)')
tljh-config set limits.memory "${MEMORY:-1.5G}"
tljh-config set limits.cpu "${CPU:-1}"
tljh-config set user_environment.default_app jupyterlab
tljh-config set services.cull.enabled true
tljh-config set services.cull.timeout 3600
install -D -m 644 "$here/tljh.py" "$configuration/jupyterhub_config.d/lessons.py"
tljh-config reload hub
