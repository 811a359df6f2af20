#!/usr/bin/env bash
# What only a machine with CUDA can show, in one command; writes data/results/gpu.json.
#     tests/gpu/rehearsal.sh
# Without CUDA its CPU parts run, into a folder that is removed, and the rest is skipped in one line.
# Needs what `make test` needs.  PYTHON chooses the interpreter.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec env PYTHONPATH=. "${PYTHON:-.venv/bin/python}" -m tests.gpu.rehearsal "$@"
