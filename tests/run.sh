#!/usr/bin/env bash
# Installs what the tests need (Python readers in a private virtual environment) and passes all tests.
set -euo pipefail
cd "$(dirname "$0")/.."
wanted=tests/python/requirements.txt
if ! cmp -s "$wanted" .venv/installed.txt; then
    python3 -m venv .venv
    .venv/bin/pip install --quiet --disable-pip-version-check -r "$wanted"
    cp "$wanted" .venv/installed.txt
fi
cargo test --release "$@"
