#!/bin/sh
# Times `twinset run` beside the Python pipeline that a data team would write instead; see README.md.
#
#   benches/peers/run.sh --peer PATH [--runs 3] [--threads 2] [--shops clothing,magento_luma]
set -eu
cd "$(dirname "$0")/../.."
here=benches/peers

if [ "${1:-}" != --peer ] || [ ! -f "${2:-}" ]; then
    echo "name the peer first: --peer PATH/peer.py" >&2
    exit 2
fi
peer=$2
shift 2

if ! cmp -s $here/requirements.txt $here/.venv/installed.txt; then
    python3 -m venv --clear $here/.venv
    $here/.venv/bin/pip install --quiet --requirement $here/requirements.txt
    cp $here/requirements.txt $here/.venv/installed.txt
fi
mkdir -p $here/.work
$here/.venv/bin/python $here/lite0_onnx.py models/efficientnet-lite0.safetensors $here/.work/lite0.onnx
cargo build --release --bin twinset
exec $here/.venv/bin/python $here/measure.py --peer "$peer" "$@"
