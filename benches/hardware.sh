#!/usr/bin/env bash
# Everything that a machine with a GPU is asked, in one command: the self-test and the
# parity of every adapter, the bench with its
# roofline, block layouts, ever more layers, a million eigenvalue problems, and the peers.
# Usage: bash benches/hardware.sh [FOLDER]     [default: results]
# Environment: as for benches/peers/compare.sh; EULERSCOPE is the program on a machine without Rust
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${1:-results}
[ -n "${EULERSCOPE:-}" ] || cargo build --release --quiet
export EULERSCOPE=${EULERSCOPE:-${CARGO_TARGET_DIR:-target}/release/eulerscope}
mkdir -p "$folder"

note() { printf '\n== %s\n' "$*"; }

note "adapters, their self-tests and the parity of every kernel"
"$EULERSCOPE" devices --parity
"$EULERSCOPE" devices --parity --json > "$folder/devices.json"
note "kernels and workloads"
"$EULERSCOPE" bench --device gpu --out "$folder/bench"
note "layouts of products"
"$EULERSCOPE" bench --device gpu --only blocks --out "$folder/blocks"
note "scaling and soak"
"$EULERSCOPE" bench --device gpu --only scaling,soak --out "$folder/scaling"
note "peers"
bash benches/peers/compare.sh --device gpu | tee "$folder/peers.txt"
