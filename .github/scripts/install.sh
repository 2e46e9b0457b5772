#!/usr/bin/env bash
# Makes .venv with what the tests need: `install.sh pinned`, or `install.sh newest` without any pin of ours.
set -euo pipefail
if [ "$1" = pinned ]; then
  make .venv/ready-to-test
  .venv/bin/python -m pip install --quiet -c constraints.txt -e '.[kernels]' # large; every other run skips its tests
  exit
fi
peers=tests/contract/peers/requirements.txt
python3 -m venv .venv
.venv/bin/python -m pip install --quiet --upgrade --upgrade-strategy eager -e '.[fast,test,peers,kernels]'
sed -e 's/#.*//' -e 's/[=<>!~].*//' "$peers" > .venv/newest-peers.txt
.venv/bin/python -m pip install --quiet --upgrade --no-deps -r .venv/newest-peers.txt
