#!/usr/bin/env bash
# Everything that a machine with a GPU is asked, in one command that ends within 8 minutes: the
# self-test and the parity of every adapter, the bench with its roofline, the peers, block layouts,
# ever more members, and a million eigenvalue problems. The most valuable comes first, each step has a
# budget and writes its own files at once, so a run that is cut off is still worth having.
# Usage: bash benches/hardware.sh [FOLDER]     [default: results]
# Environment: EULERSCOPE: the program, for a machine without Rust [default: built from here]
#   EULERSCOPE_DEVICE: what is measured [default: gpu]
#   EULERSCOPE_SECONDS: for everything, building included [default: 450]
#   and as for benches/peers/compare.sh
set -uo pipefail

seconds=${EULERSCOPE_SECONDS:-450}
device=${EULERSCOPE_DEVICE:-gpu}
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

# step NAME SHARE WHAT COMMAND..: the command with SHARE per cent of the time, or what is left of it. It is asked to
# stop, keeps what it has, and is ended 5 seconds later. What fails is said at the end; the rest is still worth having.
failed=0
step() {
    local name=$1 budget=$(($2 * seconds / 100)) left=$((seconds - SECONDS - 5)) status
    printf '\n== %s\n' "$3"
    shift 3
    [ "$budget" -le "$left" ] || budget=$left
    if [ "$budget" -lt 1 ]; then
        echo "left out: no time is left of $seconds seconds" | tee "$folder/$name.txt"
        failed=124
        return
    fi
    timeout --signal=INT --kill-after=5 "$budget" "$@" 2>&1 | tee "$folder/$name.txt"
    status=${PIPESTATUS[0]}
    [ "$status" = 0 ] && return
    failed=$status
    [ "$status" != 124 ] && [ "$status" != 137 ] || echo "cut off after $budget seconds" | tee -a "$folder/$name.txt"
}

# bench NAME SHARE WHAT ROWS
bench() {
    step "$1" "$2" "$3" "$EULERSCOPE" bench --quiet --device "$device" --only "$4" --out "$folder/$1"
}

step devices 20 "adapters, their self-tests and the parity of every kernel" "$EULERSCOPE" devices --parity
bench sweeps 12 "sweeps on the GPU and the CPU path" linear_sweep,transformer_sweep
bench eigenvalues 12 "eigenvalues" eigenvalues_16,eigenvalues_32,eigenvalues_64,eigenvalues_128
bench kernels 15 "every kernel" kernels
step peers 15 "peers" bash benches/peers/compare.sh --device "$device" --rounds 1 --to "$folder/ratios.txt"
bench workloads 10 "every workload" workloads
bench blocks 12 "layouts of products" blocks
bench scaling 7 "ever more members" scaling
bench soak 10 "a million eigenvalue problems" soak
exit "$failed"
