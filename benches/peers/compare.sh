#!/usr/bin/env bash
# Runs `eulerscope bench` and the peers in turns on this machine and prints one table of ratios.
# Usage: bash benches/peers/compare.sh [--device D] [--only NAME,NAME] [--rounds N] [--to FILE] [--ours FOLDER,FOLDER]
#   --ours: results of `eulerscope bench --out` on this machine, which is not run again then
# Environment: PYTHON_JAX, PYTHON_TORCH: the Pythons that have them [default: python3]
#   EULERSCOPE: the program, for a machine without Rust [default: built from here]
set -euo pipefail
[ -z "${EULERSCOPE:-}" ] || EULERSCOPE=$(realpath "$EULERSCOPE")
cd "$(dirname "$0")/../.."

device=auto only= rounds=3 to=/dev/null ours=
while [ $# -gt 0 ]; do
    case $1 in
        --device) device=$2 ;;
        --only) only=$2 ;;
        --rounds) rounds=$2 ;;
        --to) to=$2 ;;
        --ours) ours=$2 ;;
        *) echo "unknown argument $1; see the head of $0" >&2; exit 2 ;;
    esac
    shift 2
done

[ -n "$ours${EULERSCOPE:-}" ] || cargo build --release --quiet
program=${EULERSCOPE:-${CARGO_TARGET_DIR:-target}/release/eulerscope}
results=$(mktemp -d)

# What there is by the end, or by the time that it is cut off.
table() {
    python3 benches/peers/table.py "$results" | tee "$to"
    rm -r "$results"
}
trap table EXIT

peers=()
for peer in jax torch; do
    variable=PYTHON_${peer^^}
    python=${!variable:-python3}
    if "$python" -c "import $peer" 2>/dev/null; then
        peers+=("$peer:$python")
    else
        echo "left out: $peer ($python has no module of that name; set $variable)"
    fi
done

# What fills a card is too much for a CPU.
case $device in
    cpu | software) large= ;;
    *) large=linear_sweep_1024,transformer_sweep_256, ;;
esac
names=${only:-linear_sweep,transformer_sweep,${large}eigenvalues_16,eigenvalues_32,eigenvalues_64,eigenvalues_128,checkpoint_layer,checkpoint_jacobian,checkpoint_spectrum}
for folder in ${ours//,/ }; do
    # A run that was cut off before its first row has left no record.
    [ ! -e "$folder/run.json" ] || cp "$folder/run.json" "$results/ours.$(basename "$folder").json"
done
for round in $(seq "$rounds"); do
    [ -n "$ours" ] || "$program" bench --json --quiet --device "$device" --only "$names" > "$results/ours.$round.json"
    for peer in "${peers[@]}"; do
        "${peer#*:}" "benches/peers/with_${peer%%:*}.py" --repetitions 5 --only "$names" \
            > "$results/${peer%%:*}.$round.json" || echo "${peer%%:*} ended early"
    done
done
