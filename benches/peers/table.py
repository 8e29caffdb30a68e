"""The table of compare.sh: what `eulerscope bench` and its peers wrote into a folder, side by side.

Usage: python benches/peers/table.py FOLDER
"""
import glob
import json
import sys


def written(pattern):
    """The rows of all rounds: our bench writes one object with all of them, a peer an object a line."""
    for path in sorted(glob.glob(f"{sys.argv[1]}/{pattern}.*.json")):
        text = open(path).read()
        for part in [text] if pattern == "ours" else text.splitlines():
            if part.strip():
                row = json.loads(part)
                yield from row.get("rows", [row])


def rows(pattern):
    """The fastest repetition of all rounds, in microseconds a member, and the least processor time, by name and device."""
    best, who = {}, {}
    for row in written(pattern):
        key = row["name"], row["device"]
        used = row.get("cpu_seconds") or row.get("processor_seconds") or float("inf")
        new = [1e6 * seconds / row["members"] for seconds in (row["seconds_min"], used)]
        best[key] = [min(pair) for pair in zip(best.get(key, new), new)]
        who[row["device"]] = row.get("peer", row["device"])
    return best, who


def core_time(on, mine, peer):
    """How many times as much processor time the peer takes, where both ran on the CPU."""
    both = on == "cpu" and max(mine, peer) < float("inf")
    return f"{peer / mine:13.2f}" if both else " " * 13


ours, _ = rows("ours")
head = f"{'peer':<44} {'best us/member':>14} {'times as fast':>14} {'by core time':>13}"
print(f"{'workload':<20} {'ours on':<10} {'best us/member':>14}   {head}")
for pattern in ("jax", "torch"):
    peer, who = rows(pattern)
    for (name, device), (seconds, used) in peer.items():
        for (own, on), (mine, my_use) in ours.items():
            if own == name:
                beside = f"{who[device]:<44} {seconds:14.1f} {seconds / mine:14.2f} {core_time(on, my_use, used)}"
                print(f"{name:<20} {on:<10} {mine:14.1f}   {beside}")
