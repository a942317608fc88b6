#!/bin/sh
# Times `twinset run` beside the Python pipeline that a data team would write instead; see README.md.
#
#   benches/peers/run.sh [--peer PATH] [--runs 3] [--threads 2] [--shops clothing,magento_luma]
set -eu
cd "$(dirname "$0")/../.."
here=benches/peers

peer=../shared/tools/peer/peer.py
if [ "${1:-}" = --peer ]; then
    peer=${2:?"--peer needs the path of peer.py"}
    shift 2
fi
[ -f "$peer" ] || { echo "no peer at \`$peer\`: name it with --peer PATH" >&2; exit 2; }

if ! cmp -s $here/requirements.txt $here/.venv/installed.txt; then
    python3 -m venv --clear $here/.venv
    $here/.venv/bin/pip install --quiet --requirement $here/requirements.txt
    cp $here/requirements.txt $here/.venv/installed.txt
fi
mkdir -p $here/.work
$here/.venv/bin/python $here/lite0_onnx.py models/efficientnet-lite0.safetensors $here/.work/lite0.onnx
cargo build --release --bin twinset
exec $here/.venv/bin/python $here/measure.py --peer "$peer" "$@"
