#!/usr/bin/env bash
# Runs everything and leaves in the folder $1: status.json, versions.txt, tests.txt (its first line the exit code).
# A failure is what the report is about, so it does not stop the script.
set -uo pipefail
mkdir -p "$1"
.venv/bin/python -m pip freeze > "$1/versions.txt"
.venv/bin/verify run --fresh --all-mutants --json > "$1/status.json"
.venv/bin/python -m tests.site.prepare
.venv/bin/python -m pytest -rfE --tb=no > all-tests.txt 2>&1
code=$?
{
  echo "$code"
  tail -n 400 all-tests.txt
} > "$1/tests.txt"
tail -n 40 all-tests.txt
