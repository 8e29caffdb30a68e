#!/usr/bin/env bash
# Everything that a machine with a GPU is asked, in one command that ends within 5 minutes: the self-test
# and the parity of every adapter, the bench with its roofline, the peers, ever more members, a million
# eigenvalue problems, block layouts. The most valuable comes first; each step is likely to end by itself,
# is asked to stop when its time is over, and writes its own files at once, so a run that is cut off is
# still worth having.
# Usage: bash benches/hardware.sh [FOLDER]     [default: results]
# Environment: EULERSCOPE: the program, for a machine without Rust [default: built from here]
#   EULERSCOPE_DEVICE: what is measured [default: gpu]
#   EULERSCOPE_SECONDS: for everything, building not included [default: 300]
#   and as for benches/peers/compare.sh
set -uo pipefail

seconds=${EULERSCOPE_SECONDS:-300}
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

# step NAME SHARE WHAT COMMAND..: the command with SHARE per cent of the time and what earlier steps have left of theirs;
# the shares of all steps are 100. It is asked to stop, keeps what it has, and is ended 5 seconds later. What fails is said
# at the end; the rest is still worth having.
failed=0 due=0 begin=$SECONDS
step() {
    local name=$1 budget status
    due=$((due + $2))
    budget=$((due * (seconds - 5) / 100 - (SECONDS - begin)))
    printf '\n== %s\n' "$3"
    shift 3
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

step devices 12 "adapters, their self-tests and the parity of every kernel" "$EULERSCOPE" devices --parity
sweeps=linear_sweep,linear_sweep_1024,transformer_sweep,transformer_sweep_256
eigenvalues=eigenvalues_16,eigenvalues_32,eigenvalues_64,eigenvalues_128
bench sweeps 6 "sweeps on the GPU and the CPU path" "$sweeps"
bench eigenvalues 8 "eigenvalues" "$eigenvalues"
step peers 22 "peers at the same" bash benches/peers/compare.sh --rounds 1 --only "$sweeps,$eigenvalues" \
    --ours "$folder/sweeps,$folder/eigenvalues" --to "$folder/ratios.txt"
bench workloads 12 "the other workloads" \
    linear_sweep_wide,jacobian,lyapunov,spectra_sweep,checkpoint_layer,checkpoint_jacobian,checkpoint_spectrum
bench scaling 5 "ever more members" scaling
bench soak 10 "a million eigenvalue problems" soak
bench kernels 12 "every kernel" kernels
bench blocks 13 "layouts of products" blocks
exit "$failed"
