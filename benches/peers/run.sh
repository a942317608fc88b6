#!/bin/sh
# Measures twinset beside its peers; see README.md.
#
#   benches/peers/run.sh all-pairs          [--kinds clustered,photos] [--rows 50000,200000] [--k 20]
#   benches/peers/run.sh photos             [--shops clothing,magento_luma] [--passes 4]
#   benches/peers/run.sh onnx               [--networks lite0,lite2]
#   benches/peers/run.sh shops --peer PATH  [--shops clothing,magento_luma]
#   benches/peers/run.sh rows --peer PATH   [--rows 50000,200000] [--dimension 512]
#   benches/peers/run.sh million --peer PATH
#   benches/peers/run.sh tables --peer PATH
#   benches/peers/run.sh rules --peer PATH
#   benches/peers/run.sh nights             [--images 10000]
#   benches/peers/run.sh all --peer PATH
#
# All take [--runs 3] [--threads 2].
set -eu
cd "$(dirname "$0")/../.."
here=benches/peers
python=$here/.venv/bin/python

what=${1:-}
case $what in
all-pairs | nights | onnx | photos) shift ;;
shops | rows | million | tables | rules | all)
    if [ "${2:-}" != --peer ] || [ ! -f "${3:-}" ]; then
        echo "name the peer first: $what --peer PATH/peer.py" >&2
        exit 2
    fi
    peer=$3
    shift 3
    ;;
*)
    sed -n 's/^#  *\(benches\)/\1/p' "$0" >&2
    exit 2
    ;;
esac

if ! cmp -s $here/requirements.txt $here/.venv/installed.txt; then
    python3 -m venv --clear $here/.venv
    $here/.venv/bin/pip install --quiet --requirement $here/requirements.txt
    cp $here/requirements.txt $here/.venv/installed.txt
fi
mkdir -p $here/.work $here/results
results=$here/results/$(date -u +%Y-%m-%dT%H%M%SZ)-$what.jsonl
if [ "$what" != onnx ]; then
    cargo build --release --bin twinset --example all_pairs --example photos
fi

shops() {
    $python $here/lite_onnx.py models/efficientnet-lite0.safetensors $here/.work/lite0.onnx &&
        $python $here/measure.py --results "$results" --peer "$peer" "$@"
}

all_pairs() {
    # What `photos` is made of: kept, because it is not what is measured.
    if [ ! -d $here/.work/clothing-vectors/embeddings ]; then
        shop=$(realpath "${TWINSET_SHOPS:-../shared/data}")/clothing
        printf '[catalog]\npath = "%s/products.csv"\nimages = "%s"\n[output]\nembeddings = true\n' "$shop" "$shop" \
            >$here/.work/clothing-vectors.toml
        target/release/twinset run $here/.work/clothing-vectors.toml --out $here/.work/clothing-vectors || return 1
    fi
    $python $here/all_pairs.py --results "$results" "$@"
}

# From image files to what a network looks at.
photos() {
    $python $here/photos.py --results "$results" "$@"
}

onnx() {
    cargo build --release --features onnx --bin twinset --example onnx_encode || return 1
    for network in lite0 lite2; do
        $python $here/lite_onnx.py models/efficientnet-$network.safetensors $here/.work/$network.onnx || return 1
    done
    $python $here/onnx_vectors.py --results "$results" "$@"
}

rows() {
    $python $here/rows.py --results "$results" --peer "$peer" "$@"
}

million() {
    rows "$@" --rows 1000000 --dimension 256 --only twinset --uncounted 0 --runs 1
}

# One night of 200,000 products; then PyArrow reads its catalog and writes its tables again.
tables() {
    rows "$@" --rows 200000 --dimension 512 --only twinset --uncounted 0 --runs 1 &&
        $python $here/pyarrow_tables.py $here/.work/catalog_200000x512.parquet $here/.work/rows-twinset "$@" >>"$results"
}

# What the merchandiser's rules cost; twinset alone.
rules() {
    $python $here/rules.py --results "$results" --peer "$peer" "$@"
}

# What a second night costs; twinset alone.
nights() {
    $python $here/nights.py --results "$results" "$@"
}

failed=0
case $what in
all-pairs) all_pairs "$@" || failed=1 ;;
all)
    for bench in photos shops all_pairs rows million tables rules nights onnx; do
        $bench "$@" || failed=1
    done
    ;;
*) $what "$@" || failed=1 ;;
esac
[ ! -f "$results" ] || $python $here/summary.py "$results"
echo "every counted run: $results"
exit $failed
