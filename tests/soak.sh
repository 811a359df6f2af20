#!/usr/bin/env bash
# A live panel for MINUTES (60 unless told): what it costs in memory, as data/results/soak.json.  Not part of CI.
#     MINUTES=20 tests/soak.sh
# Needs what `make test` needs, a Chromium among it.  PYTHON chooses the interpreter.
set -euo pipefail
cd "$(dirname "$0")/.."
exec env PYTHONPATH=. "${PYTHON:-.venv/bin/python}" -m tests.soak --minutes "${MINUTES:-60}" "$@"
