#!/usr/bin/env bash
# Runs `eulerscope bench` and the peers in turns on this machine and prints one table of ratios.
# Usage: bash benches/peers/compare.sh [--device D] [--only NAME,NAME] [--rounds N] [--to FILE]
# Environment: PYTHON_JAX, PYTHON_TORCH: the Pythons that have them [default: python3]
#   EULERSCOPE: the program, for a machine without Rust [default: built from here]
set -euo pipefail
[ -z "${EULERSCOPE:-}" ] || EULERSCOPE=$(realpath "$EULERSCOPE")
cd "$(dirname "$0")/../.."

device=auto only= rounds=3 to=/dev/null
while [ $# -gt 0 ]; do
    case $1 in
        --device) device=$2 ;;
        --only) only=$2 ;;
        --rounds) rounds=$2 ;;
        --to) to=$2 ;;
        *) echo "unknown argument $1; see the head of $0" >&2; exit 2 ;;
    esac
    shift 2
done

[ -n "${EULERSCOPE:-}" ] || cargo build --release --quiet
program=${EULERSCOPE:-${CARGO_TARGET_DIR:-target}/release/eulerscope}
results=$(mktemp -d)
trap 'rm -r "$results"' EXIT

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

names=${only:-linear_sweep,eigenvalues_16,eigenvalues_32,eigenvalues_64,eigenvalues_128,checkpoint_layer,checkpoint_jacobian,checkpoint_spectrum}
if [ -z "$only" ] && "$program" bench --plan --device cpu 2>/dev/null | grep -q '^transformer_sweep:'; then
    names=$names,transformer_sweep
fi
for round in $(seq "$rounds"); do
    "$program" bench --json --quiet --device "$device" --only "$names" > "$results/ours.$round.json"
    for peer in "${peers[@]}"; do
        script=benches/peers/jax_cpu.py
        [ "${peer%%:*}" = torch ] && script=benches/peers/torch_cuda.py
        "${peer#*:}" "$script" --repetitions 5 --only "$names" > "$results/${peer%%:*}.$round.json"
    done
done

python3 - "$results" <<'PYTHON' | tee "$to"
import glob, json, sys

def rows(pattern):
    """The fastest repetition of all rounds, in microseconds a member, and the least processor time, by name and device."""
    best, who = {}, {}
    for path in sorted(glob.glob(f"{sys.argv[1]}/{pattern}.*.json")):
        run = json.load(open(path))
        for row in run["rows"]:
            key = row["name"], row["device"]
            used = row.get("cpu_seconds") or row.get("processor_seconds") or float("inf")
            new = [1e6 * seconds / row["members"] for seconds in (row["seconds_min"], used)]
            best[key] = [min(pair) for pair in zip(best.get(key, new), new)]
            who[row["device"]] = run.get("peer", row["device"])
    return best, who

ours, _ = rows("ours")
print(f"{'workload':<20} {'ours on':<10} {'best us/member':>14}   {'peer':<28} {'best us/member':>14} {'times as fast':>14} {'by core time':>13}")
for pattern in ("jax", "torch"):
    peer, who = rows(pattern)
    for (name, device), (seconds, used) in peer.items():
        for (own, on), (mine, my_use) in ours.items():
            if own == name:
                core = used / my_use if used < float("inf") and on == "cpu" and my_use < float("inf") else None
                core = f"{core:13.2f}" if core else " " * 13
                print(f"{name:<20} {on:<10} {mine:14.1f}   {who[device]:<28} {seconds:14.1f} {seconds / mine:14.2f} {core}")
PYTHON
