#!/usr/bin/env bash
# A search over Ray tasks survives the death of a worker and of its driver.  Run by hand where Ray is installed:
#     unshare -rn bash tests/wikitext2/ray_search.sh
# (in a network namespace of its own, because Ray's ports open on every interface).
set -euo pipefail
ip link set lo up 2>/dev/null || true
export OMP_NUM_THREADS=1 RAY_USAGE_STATS_ENABLED=0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
search() {
    python -m lessons_lib.cli search --row lstm-stable --preset ci --corpus synthetic --ray \
        --trials 12 --epochs 3 --processes 2 --folder "$folder" --results "$folder/results"
}
checkpoint() { find "$folder" -name '*.safetensors' | head -n 1; }

setsid bash -c "$(declare -f search); folder=$folder; search" >"$folder/first.log" 2>&1 &
driver=$!
until [ -n "$(checkpoint)" ]; do sleep 0.1; done
worker=$(pgrep -f 'ray::train_trial' | head -n 1)
kill -9 "$worker"
echo "killed worker $worker while it trained"
until grep -q '^trial' "$folder/first.log"; do sleep 0.1; done
until [ -n "$(checkpoint)" ]; do sleep 0.1; done
kill -9 -- "-$driver"
echo "killed the driver after:"
grep '^trial' "$folder/first.log"
echo "the same command again:"
search
