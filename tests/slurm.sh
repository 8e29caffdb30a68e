#!/usr/bin/env bash
# A sweep on a real Slurm of two nodes: arrays over both, one node killed in the middle, the merge behind them, and the same
# results as on one machine. tests/run.sh calls it; it takes about half a minute.
#
# usage: bash tests/slurm.sh [PROGRAM]
set -euo pipefail
cd "$(dirname "$0")/.."
program=$(realpath "${1:-target/release/eulerscope}")
source tests/slurm/cluster.sh
trap cluster_stop EXIT
trap 'echo "error: line $LINENO failed" >&2' ERR

say() { printf '   %s\n' "$*"; }
fail() {
    echo "error: $*" >&2
    tail -n 30 "$cluster"/slurmctld.log >&2
    exit 1
}
# Does the command $3.. end with the code $1 and a line that has $2 in it?
refused() {
    local code=0 line
    line=$("${@:3}" 2>&1 > /dev/null) || code=$?
    [ "$code" = "$1" ] && [ "$(wc -l <<< "$line")" = 1 ] && [[ $line == *"$2"* ]] || fail "${*:3}: $code: $line"
}

hash_of() { "$program" hash "$1" | cut -d ' ' -f 1; }

cluster_start
# Blanks, and what means something to Slurm and to shells.
work="$cluster/my work 100%x \$HOME"
mkdir -p "$work"
cd "$work"
cat > "a sweep.toml" << 'SPEC'
members = 12000
width = 32
depth = 60
step_size = "lin(0.05,1,12)"
radius = "lin(0.2,1.4,12)"
seed = 3
SPEC
shards=8

say "on one machine"
"$program" sweep "a sweep.toml" --device cpu --quiet --out alone > /dev/null
expected=$(hash_of alone)

say "as jobs; with indices below 6, eight shards are two arrays"
"$program" slurm "a sweep.toml" --tasks $shards --out "on slurm" --device cpu --sbatch '--time=5' --submit --json > submitted.json
[ "$(squeue --noheader --array --format=%j | grep -cx eulerscope)" = $shards ] || fail "not $shards tasks: $(squeue --array)"
refused 4 'wait or run still' "$program" slurm --retry "on slurm"
refused 7 'submitted before' "$program" slurm "a sweep.toml" --tasks $shards --out "on slurm" --submit

say "a node is killed in the middle"
on_node2() { squeue --noheader --array --states=running --nodelist=node2 --format=%A; }
both_busy() { [ "$(on_node2 | wc -l)" = 2 ] && [ -n "$(squeue --noheader --states=running --nodelist=node1)" ]; }
until_true 20 both_busy
begun() { [ "$(find "on slurm" -maxdepth 1 -name 'shard-*' | wc -l)" -ge 3 ]; }
until_true 20 begun
lost=$(on_node2)
kill_node2
[ -n "$lost" ] || fail "nothing ran on node2"
until_true 60 all_done
for job in $lost; do
    shown=$(scontrol show job "$job")
    [[ $shown == *Restarts=1* && $shown == *JobState=COMPLETED* && $shown == *BatchHost=node1* ]] || fail "$shown"
done
tail -n +1 "on slurm"/slurm/*.log > logs
grep -q 'SLURM_ARRAY_TASK_ID=3 plus the offset 5: shard 8/8' logs || fail "no shard 8: $(cat logs)"
[ -z "$("$program" status "on slurm" --missing)" ] || fail "shards are missing: $(cat logs)"
"$program" verify "on slurm/merged" > /dev/null
[ "$(hash_of "on slurm/merged")" = "$expected" ] || fail "other results than on one machine: $(cat logs)"

say "what is missing is done again, and only that"
before=$(cd "on slurm" && find shard-* -type f -exec ls --time-style=full-iso -l {} + | grep -v 'shard-[27]-')
rm -r "on slurm/shard-2-of-8" "on slurm/shard-7-of-8" "on slurm/merged"
"$program" slurm --retry "on slurm" > retry.sh 2> /dev/null
[ "$(grep -c '^#SBATCH --array=2$' retry.sh)" = 2 ] && grep -q 'shard-offset 5' retry.sh || fail "$(cat retry.sh)"
bash retry.sh > said
until_true 60 all_done
[ "$(hash_of "on slurm/merged")" = "$expected" ] || fail "other results after --retry: $(cat "on slurm"/slurm/*.log)"
after=$(cd "on slurm" && find shard-* -type f -exec ls --time-style=full-iso -l {} + | grep -v 'shard-[27]-')
[ "$before" = "$after" ] || fail "finished shards were touched: $(diff <(echo "$before") <(echo "$after"))"
[[ "$("$program" slurm --retry "on slurm")" == *"8 shards are there and merged"* ]] || fail "--retry finds something to do"

say "6 and 7 are tried again, 4 is not, and nothing is merged then"
cat > stub << 'STUB'
#!/bin/sh
[ "$1" = sweep ] || exit 0
[ "$SLURM_ARRAY_TASK_ID" = 2 ] && exit 4
[ "${SLURM_RESTART_COUNT:-0}" = 0 ] || exit 0
exit $((5 + SLURM_ARRAY_TASK_ID))
STUB
chmod +x stub
"$program" slurm "a sweep.toml" --tasks 2 --out failing 2> /dev/null > failing.sh
sed "s|^'\{0,1\}$program'\{0,1\} sweep|$(printf %q "$work/stub" | sed 's/[\\&|]/\\&/g') sweep|" failing.sh > stubbed.sh
grep -q 'stub sweep' stubbed.sh || fail "the stand-in is not in $(cat failing.sh)"
bash stubbed.sh > said
until_true 40 all_done
mapfile -t jobs < failing/slurm/submitted
shown=$(scontrol show job "${jobs[0]}")
[[ $shown == *"ArrayTaskId=1 "*Restarts=1*ExitCode=0:0* ]] || fail "6 was not tried again: $shown"
[[ $shown == *"ArrayTaskId=2 "*JobState=FAILED*Restarts=0*ExitCode=4:0* ]] || fail "4 was tried again: $shown"
shown=$(scontrol show job "${jobs[1]}")
[[ $shown == *JobState=CANCELLED* ]] || fail "it was merged: $shown"

say "what sbatch refuses leaves nothing behind"
refused 4 'partition' "$program" slurm "a sweep.toml" --tasks 8 --out refused --sbatch '--partition=none' --submit
refused 4 'rray' "$program" slurm "a sweep.toml" --tasks 8 --out refused --max-array-size 100 --submit
[ -z "$(squeue --noheader)" ] && [ ! -e refused/slurm/job.json ] || fail "something is left: $(squeue)"
say "passed"
