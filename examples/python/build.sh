#!/usr/bin/env bash
# Makes app.wasm: app.py together with the Python that runs it. Needs `pip install componentize-py==0.25.1`.
set -euo pipefail
cd "$(dirname "$0")"

componentize-py --wit-path ../../wit --world wasi:http/proxy@0.2.12 componentize app --output app.wasm
