#!/usr/bin/env bash
# Who notices a mistake? Makes the mistakes of tests/mutants/list.md one at a time, runs the suite on each until a test
# fails, and prints the table. Not part of CI: it takes about an hour of two cores.
#
#   bash tests/mutants.sh            # all of them
#   bash tests/mutants.sh 3 17 40    # some
#
# All are built at once, in a copy of the tree under target/mutants, each behind a switch (tests/mutants/apply.py).
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
work=$root/target/mutants
tree=$work/tree
: "${VK_DRIVER_FILES:=$(ls /usr/share/vulkan/icd.d/lvp_icd*.json | head -n 1)}"
export VK_DRIVER_FILES VK_ICD_FILENAMES=$VK_DRIVER_FILES XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/tmp}
export EULERSCOPE_PYTHON=${EULERSCOPE_PYTHON:-$root/target/python/bin/python}
export EULERSCOPE_MODELS=${EULERSCOPE_MODELS:-$root/target/models}

# The suite in parts, those first that notice most and take least. `definitions` is the oracle.
parts=(
    "definitions::lyapunovs definitions::spectra definitions::known definitions::closed_forms double attention::"
    "theory exponents integrators nonlinear layer statistics rates derived observ perturbations tangent"
    "definitions::band definitions::remarks definitions::crowds definitions::figures definitions::combinations definitions::given"
    "definitions::sweeps"
    "axes cli dataset figure spec matrix eigen parity fused"
)
limit=${LIMIT:-240}

mkdir -p "$tree" "$work/build/release"
git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -pt "$tree" 2> /dev/null
python3 tests/mutants/apply.py tests/mutants/list.md "$tree"
for part in deps build .fingerprint; do
    # What others have built already is not built again.
    [ -e "$work/build/release/$part" ] || cp -al "$root/target/release/$part" "$work/build/release/" 2> /dev/null || true
done
built=$(cd "$tree" && CARGO_TARGET_DIR=$work/build cargo test --release --test it --no-run --message-format json 2> "$work/build.log" \
    | grep -o '"executable":"[^"]*/it-[^"]*"' | cut -d'"' -f4) || { tail -40 "$work/build.log" >&2; exit 1; }

# run NUMBER FILTERS: fails where a test fails, at the first one, or the time is up; what failed stands in the log.
run() {
    (cd "$tree" && EULERSCOPE_MUTANT=$1 exec timeout "$limit" "$built" $2) > "$work/log" 2>&1 &
    local test=$!
    while kill -0 "$test" 2> /dev/null; do
        if grep -q '^test .* FAILED$' "$work/log"; then
            kill "$test"
            break
        fi
        sleep 0.2
    done
    wait "$test"
}

noticed_by() {
    local number=$1 part status
    for part in "${parts[@]}"; do
        status=0
        run "$number" "$part" || status=$?
        if [ "$status" = 124 ]; then
            echo "time is up in: $part"
            return
        elif [ "$status" != 0 ]; then
            grep -oP '^test \K\S+(?= \.\.\. FAILED)' "$work/log" | head -n 3 | paste -sd ' '
            return
        fi
    done
}

echo "without a mistake: $(noticed_by 0 | sed 's/^$/every test passes/')"
total=0 seen=0
printf '| # | mistake | noticed by |\n|---|---|---|\n'
while read -r number title; do
    [ $# = 0 ] || [[ " $* " == *" $number "* ]] || continue
    who=$(noticed_by "$number")
    total=$((total + 1))
    [ -z "$who" ] || seen=$((seen + 1))
    printf '| %s | %s | %s |\n' "$number" "$title" "${who:-**nobody**}"
done < <(sed -n 's/^## \([0-9]*\) \(.*\)/\1 \2/p' tests/mutants/list.md)
echo "$seen of $total noticed"
