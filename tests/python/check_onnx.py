"""Compares the vectors that twinset published with those of ONNX Runtime in Python, from the very same framed pictures.

    cargo run --release --example dump_vectors -- PRODUCTS.CSV IMAGE_ROOT DUMP
    python tests/python/check_onnx.py MODEL.onnx DUMP OUT [--side 224] [--mean 127] [--std 128]

DUMP holds the pictures as they were framed, OUT is the output folder of a run with `embeddings = true`. Exits 1 when a
component of a unit vector differs by more than 1e-5.
"""

import argparse
import pathlib
import sys

import numpy as np
import onnxruntime
import pyarrow.dataset as ds

TOLERANCE = 1e-5
BATCH = 16


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("dump", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--mean", type=float, default=127)
    parser.add_argument("--std", type=float, default=128)
    arguments = parser.parse_args()

    ids = (arguments.dump / "ids.txt").read_text().split()
    side = arguments.side
    pictures = np.fromfile(arguments.dump / "inputs.bin", np.uint8).reshape(len(ids), side, side, 3)
    table = ds.dataset(sorted(map(str, arguments.out.glob("embeddings/*/*.parquet")))).to_table()
    published = dict(zip(table["product_id"].to_pylist(), np.array(table["embedding"].to_pylist(), np.float32)))
    if sorted(published) != sorted(ids):
        sys.exit(f"{len(published)} products have a vector, {len(ids)} have a picture")

    session = onnxruntime.InferenceSession(arguments.model, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    worst, bits = 0.0, 0
    for start in range(0, len(ids), BATCH):
        batch = pictures[start : start + BATCH].transpose(0, 3, 1, 2).astype(np.float32)
        batch = np.ascontiguousarray((batch - np.float32(arguments.mean)) / np.float32(arguments.std))
        features = session.run(None, {name: batch})[0].astype(np.float64)
        expected = features / np.linalg.norm(features, axis=1, keepdims=True)
        actual = np.array([published[i] for i in ids[start : start + BATCH]])
        worst = max(worst, float(np.abs(expected - actual).max()))
        bits += int((expected.astype(np.float32) == actual).all(axis=1).sum())
    print(f"{len(ids)} vectors, largest difference of a component: {worst:.3g}; {bits} are equal as float32")
    if not worst <= TOLERANCE:
        sys.exit(f"a component differs by {worst:.3g}, more than {TOLERANCE:g}")


if __name__ == "__main__":
    main()
