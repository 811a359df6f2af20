#!/usr/bin/env bash
# Proves the two commands on a fresh clone of HEAD, with an empty home and an empty environment:
#   tests/project/fresh_clone.sh            on this system, PATH=/usr/bin:/bin
#   tests/project/fresh_clone.sh debian     in a bare Debian holding python3, venv, make and git (root, debootstrap)
# STEPS="lab test offline" chooses what is proven. PIP_* variables and LESSONS_DATA_DIR are passed on, and
# SHOW="folder ..." lets the bare Debian read folders of this system.
set -euo pipefail

# A mount table of its own: what is mounted below is gone with this process, whatever ends it.
if [ "${1:-}" = debian ] && [ -z "${OWN_MOUNTS:-}" ]; then OWN_MOUNTS=1 exec unshare --mount "$0" "$@"; fi

repository=$(git -C "$(dirname "$0")" rev-parse --show-toplevel)
scratch=$(mktemp -d) root="" server="" shown=()
finish() {
    [ -z "$server" ] || kill -- "-$server" 2>/dev/null || true
    for folder in "${shown[@]}"; do umount -R -l "$folder"; done
    rm -rf --one-file-system "$scratch"
}
trap finish EXIT

if [ "${1:-}" = debian ]; then
    root=$scratch/debian
    debootstrap --variant=minbase --include=python3,python3-venv,make,git,ca-certificates \
        "${SUITE:-bookworm}" "$root" >"$scratch/debootstrap.log" || { tail "$scratch/debootstrap.log"; exit 1; }
    for folder in /proc /dev /etc/resolv.conf ${SHOW:-}; do
        if [ -d "$folder" ]; then mkdir -p "$root$folder"; else touch "$root$folder"; fi
        mount --rbind "$folder" "$root$folder" && shown+=("$root$folder")
    done
fi

git clone -q --no-hardlinks "$repository" "$scratch/clone"
if [ -n "$root" ]; then mv "$scratch/clone" "$root/clone"; clone=/clone; else clone=$scratch/clone; fi
mkdir "$root${clone%/*}/empty_home"
mapfile -t passed < <(env | grep -E '^(PIP_|LESSONS_DATA_DIR=)' || true)

# shellcheck disable=SC2016 # the inner shell expands these
inside() { # inside COMMAND...: in the clone, with nothing else in the environment
    local enter=()
    [ -z "$root" ] || enter=(chroot "$root")
    "${enter[@]}" /usr/bin/env -i "HOME=${clone%/*}/empty_home" PATH=/usr/bin:/bin "${passed[@]}" \
        /bin/sh -c 'cd "$0" && exec "$@"' "$clone" "$@"
}

lab() { # JupyterLab serves the first notebook, to who holds the token, on the loopback address
    local log=$scratch/lab.log address token began=$SECONDS
    set -m
    inside make lab LAB="--no-browser --ServerApp.port=0" >"$log" 2>&1 &
    server=$!
    set +m
    until address=$(grep -om1 'http://127.0.0.1:[0-9]*/lab/tree/00_start_here.ipynb?token=[0-9a-f]*' "$log"); do
        kill -0 "$server" 2>/dev/null || { cat "$log"; return 1; }
        sleep 1
    done
    echo "make lab: JupyterLab answers after $((SECONDS - began)) s"
    token=${address##*token=}
    python3 - "${address%%/lab*}/api/contents/00_start_here.ipynb" "$token" <<'PYTHON'
import json, sys, urllib.error, urllib.request
address, token = sys.argv[1:]
try:
    urllib.request.urlopen(address)
    sys.exit("served without a token")
except urllib.error.HTTPError as refused:
    assert refused.code == 403, refused
notebook = json.load(urllib.request.urlopen(f"{address}?token={token}"))["content"]
print(f"make lab: serves {notebook['cells'][0]['source'].splitlines()[0]!r} to the token alone")
PYTHON
    kill -- "-$server"
    wait "$server" 2>/dev/null || true
    server=""
}

for step in ${STEPS:-lab test}; do
    began=$SECONDS
    case $step in
        lab) lab ;;
        test) inside make test ;;
        offline) # neither network nor data; the folder of the data is passed on no longer
            passed=("${passed[@]/#LESSONS_DATA_DIR=*/LESSONS_DATA_DIR=}")
            if [ -n "$root" ]; then echo "offline is proven outside the bare Debian" >&2; exit 1; fi
            inside make .venv/test.stamp # the environment comes over the network, the tests do without
            inside unshare --net make test ;;
    esac
    echo "$step: done in $((SECONDS - began)) s"
done
