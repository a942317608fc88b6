#!/usr/bin/env bash
# Installs what the tests need (Python readers in a private virtual environment, software Vulkan) and passes all tests.
set -euo pipefail
cd "$(dirname "$0")/.."
wanted=tests/python/requirements.txt
if ! cmp -s "$wanted" .venv/installed.txt; then
    python3 -m venv .venv
    .venv/bin/pip install --quiet --disable-pip-version-check -r "$wanted"
    cp "$wanted" .venv/installed.txt
fi
has_vulkan() {
    [[ $OSTYPE != linux* || -n ${VK_ICD_FILENAMES:-}${VK_DRIVER_FILES:-} ]] ||
        compgen -G '/usr/share/vulkan/icd.d/*.json' || compgen -G '/etc/vulkan/icd.d/*.json'
}
if [[ ${TWINSET_GPU_TESTS:-} != skip ]] && ! has_vulkan >/dev/null; then
    drivers=(mesa-vulkan-drivers libvulkan1)
    if [[ $EUID == 0 ]] && command -v apt-get >/dev/null; then
        echo "installing software Vulkan: ${drivers[*]}" >&2
        (apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "${drivers[@]}") >/dev/null
    else
        echo "no Vulkan driver: install ${drivers[*]} (names on Debian and Ubuntu), or set TWINSET_GPU_TESTS=skip" >&2
    fi
fi
if [[ -z ${XDG_RUNTIME_DIR:-} ]]; then
    # Vulkan drivers complain about its absence.
    XDG_RUNTIME_DIR=$(mktemp -d)
    export XDG_RUNTIME_DIR
    trap 'rm -rf "$XDG_RUNTIME_DIR"' EXIT
fi
cargo test --release --features onnx "$@"
