#!/bin/sh
# Measures twinset beside its peers; see README.md.
#
#   benches/peers/run.sh shops     --peer PATH [--shops clothing,magento_luma]
#   benches/peers/run.sh all-pairs [--kinds clustered,photos] [--rows 50000,200000] [--k 20]
#   benches/peers/run.sh rows      --peer PATH [--rows 50000,200000] [--dimension 512]
#   benches/peers/run.sh million   --peer PATH
#   benches/peers/run.sh tables    [whatever pyarrow_tables.py takes]
#   benches/peers/run.sh all       --peer PATH
#
# All take [--runs 3] [--threads 2]; `all` takes no more than these and the peer.
set -eu
cd "$(dirname "$0")/../.."
here=benches/peers
python=$here/.venv/bin/python

case "${1:-}" in
shops | all-pairs | rows | million | tables | all) ;;
*)
    sed -n 's/^#  *\(benches\)/\1/p' "$0" >&2
    exit 2
    ;;
esac
what=$1
shift
results=$here/results/$(date -u +%Y-%m-%dT%H%M%SZ)-$what.jsonl

if ! cmp -s $here/requirements.txt $here/.venv/installed.txt; then
    python3 -m venv --clear $here/.venv
    $here/.venv/bin/pip install --quiet --requirement $here/requirements.txt
    cp $here/requirements.txt $here/.venv/installed.txt
fi
mkdir -p $here/.work $here/results
cargo build --release --bin twinset --example all_pairs

shops() {
    $python $here/lite0_onnx.py models/efficientnet-lite0.safetensors $here/.work/lite0.onnx &&
        $python $here/measure.py --results "$results" "$@"
}

all_pairs() {
    # What `photos` is made of; kept between runs, because the vectors do not change with the night.
    if [ ! -d $here/.work/clothing-vectors/embeddings ]; then
        shop=$(realpath "${TWINSET_SHOPS:-../shared/data}")/clothing
        printf '[catalog]\npath = "%s/products.csv"\nimages = "%s"\n[output]\nembeddings = true\n' "$shop" "$shop" \
            >$here/.work/clothing-vectors.toml
        target/release/twinset run $here/.work/clothing-vectors.toml --out $here/.work/clothing-vectors || return 1
    fi
    $python $here/all_pairs.py --results "$results" "$@"
}

rows() { $python $here/rows.py --results "$results" "$@"; }

million() { rows --rows 1000000 --dimension 256 --only twinset --uncounted 0 --runs 1 "$@"; }

tables() { $python $here/pyarrow_tables.py --results "$results" "$@"; }

failed=0
case $what in
shops) shops "$@" || failed=1 ;;
all-pairs) all_pairs "$@" || failed=1 ;;
rows) rows "$@" || failed=1 ;;
million) million "$@" || failed=1 ;;
tables) tables "$@" || failed=1 ;;
all)
    if [ "${1:-}" != --peer ] || [ ! -f "${2:-}" ]; then
        echo "name the peer first: all --peer PATH/peer.py" >&2
        exit 2
    fi
    peer=$2
    shift 2
    shops --peer "$peer" "$@" || failed=1
    all_pairs "$@" || failed=1
    rows --peer "$peer" "$@" || failed=1
    million --peer "$peer" || failed=1
    tables "$@" || failed=1
    ;;
esac
$python $here/summary.py "$results"
echo "every run: $results"
exit $failed
