#!/usr/bin/env bash
# Everything that a machine with a GPU is asked, in one command: the self-test and the
# parity of every adapter, the bench with its
# roofline, block layouts, ever more layers, a million eigenvalue problems, and the peers.
# Usage: bash benches/hardware.sh [FOLDER]     [default: results]
# Environment: as for benches/peers/compare.sh; EULERSCOPE is the program on a machine without Rust
set -uo pipefail

folder=$(realpath -m "${1:-results}")
if [ -n "${EULERSCOPE:-}" ]; then
    EULERSCOPE=$(realpath "$EULERSCOPE")
    cd "$(dirname "$0")/.." || exit 1
else
    cd "$(dirname "$0")/.." || exit 1
    cargo build --release --quiet || exit 1
    EULERSCOPE=$(realpath "${CARGO_TARGET_DIR:-target}/release/eulerscope")
fi
export EULERSCOPE
mkdir -p "$folder"

# What fails is said at the end; the rest is still worth having.
failed=0
step() {
    printf '\n== %s\n' "$1"
    shift
    "$@" || failed=$?
}

step "adapters, their self-tests and the parity of every kernel" "$EULERSCOPE" devices --parity
"$EULERSCOPE" devices --parity --json > "$folder/devices.json" 2> /dev/null
step "kernels and workloads" "$EULERSCOPE" bench --device gpu --out "$folder/bench"
step "layouts of products" "$EULERSCOPE" bench --device gpu --only blocks --out "$folder/blocks"
step "scaling and soak" "$EULERSCOPE" bench --device gpu --only scaling,soak --out "$folder/scaling"
step "peers" bash benches/peers/compare.sh --device gpu --to "$folder/peers.txt"
exit "$failed"
