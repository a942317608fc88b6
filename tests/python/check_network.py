#!/usr/bin/env python3
"""Compares a built-in network with an independent implementation of it in NumPy, and says how well it tells clothes apart.

    cargo run --release --example dump_vectors -- PRODUCTS.CSV IMAGE_ROOT DUMP [lite2]
    python3 tests/python/check_network.py PRODUCTS.CSV DUMP [--variant lite2] [--images 300]

The network below is written from models/README.md: channels first, padding made explicit, one matrix product or shifted
sum a layer. It reads the float16 weights itself. Exits 1 when a component of a unit vector differs by more than 1e-4.
"""

import argparse
import csv
import json
import pathlib
import struct
import sys

import numpy as np

FEATURES = 1280
TOLERANCE = 1e-4
BATCH = 2
NEIGHBORS = 10
MODELS = pathlib.Path(__file__).resolve().parents[2] / "models"
# Pixels a side, and the blocks of each stage; everything else shows in the shapes of the weights.
VARIANTS = {"lite0": (224, [1, 2, 2, 3, 3, 4, 1]), "lite2": (260, [1, 3, 3, 4, 4, 5, 1])}
# Stride of the first block of each stage.
STRIDES = [1, 2, 2, 2, 1, 2, 1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("catalog", type=pathlib.Path)
    parser.add_argument("dump", type=pathlib.Path)
    parser.add_argument("--variant", choices=VARIANTS, default="lite0")
    parser.add_argument("--images", type=int, default=300, help="how many images to compare, spread over the catalog")
    arguments = parser.parse_args()

    ids = (arguments.dump / "ids.txt").read_text().split()
    side, blocks = VARIANTS[arguments.variant]
    inputs = np.fromfile(arguments.dump / "inputs.bin", np.uint8).reshape(len(ids), side, side, 3)
    vectors = np.fromfile(arguments.dump / "vectors.bin", "<f4").reshape(len(ids), FEATURES)

    weights = read_safetensors(MODELS / f"efficientnet-{arguments.variant}.safetensors")
    worst = compare(inputs, vectors, arguments.images, lambda images: forward(images, weights, blocks))
    with open(arguments.catalog, newline="", encoding="utf-8-sig") as file:
        labels = {row["id"]: row["category"] for row in csv.DictReader(file)}
    report_precision(vectors, np.array([labels[i] for i in ids]))
    if not worst <= TOLERANCE:
        sys.exit(f"a component differs by {worst:.3g}, more than {TOLERANCE:g}")


def compare(inputs, vectors, images, network):
    """The largest difference of a component of a unit vector, over `images` images spread over all of them."""
    chosen = np.unique(np.linspace(0, len(inputs) - 1, min(images, len(inputs))).astype(int))
    if not chosen.size:
        sys.exit("there are no images to compare")
    worst = 0.0
    for start in range(0, len(chosen), BATCH):
        batch = chosen[start : start + BATCH]
        features = network(inputs[batch])
        expected = features / np.linalg.norm(features, axis=1, keepdims=True)
        worst = max(worst, float(np.abs(expected - vectors[batch]).max()))
        if not np.isfinite(vectors[batch]).all():
            worst = float("nan")
    print(f"images compared: {len(chosen)}")
    print(f"largest difference of a component: {worst:.3g} (at most {TOLERANCE:g} allowed)")
    return worst


def report_precision(vectors, labels):
    """Precision at 10 by label, leave-one-out: how many of the ten most similar others have the same label."""
    similarity = vectors.astype(np.float64) @ vectors.astype(np.float64).T
    np.fill_diagonal(similarity, -np.inf)
    nearest = np.argsort(-similarity, axis=1, kind="stable")[:, :NEIGHBORS]
    hits = labels[nearest] == labels[:, None]
    same = (labels[:, None] == labels[None, :]).sum(axis=1) - 1
    chance = (same / (len(labels) - 1)).mean()
    print(f"images: {len(labels)}, labels: {len(set(labels))}")
    print(f"precision@{NEIGHBORS} by label: {hits.mean():.4f} (random: {chance:.4f}), precision@1: {hits[:, 0].mean():.4f}")


def forward(images, weights, blocks):
    """The pooled features of a batch of (n, side, side, 3) bytes."""
    strides = [stride if first == 0 else 1 for stride, count in zip(STRIDES, blocks) for first in range(count)]
    x = (images.astype(np.float32).transpose(0, 3, 1, 2) - 127) / 128
    x = relu6(dense(x, weights["stem.weight"], weights["stem.bias"], 2))
    for index, stride in enumerate(strides):
        name = f"block{index:02}"
        y = x
        if f"{name}.expand.weight" in weights:
            y = relu6(pointwise(y, weights[f"{name}.expand.weight"], weights[f"{name}.expand.bias"]))
        y = relu6(depthwise(y, weights[f"{name}.depthwise.weight"], weights[f"{name}.depthwise.bias"], stride))
        y = pointwise(y, weights[f"{name}.project.weight"], weights[f"{name}.project.bias"])
        x = x + y if x.shape == y.shape else y
    x = relu6(pointwise(x, weights["head.weight"], weights["head.bias"]))
    return x.mean(axis=(2, 3), dtype=np.float64)


def dense(x, weight, bias, stride):
    size, _, inputs, outputs = weight.shape
    y = np.zeros((x.shape[0], outputs, -(-x.shape[2] // stride), -(-x.shape[3] // stride)), np.float32)
    padded = pad_same(x, size, stride)
    for row in range(size):
        for column in range(size):
            y += pointwise(np.ascontiguousarray(taps(padded, row, column, y.shape, stride)), weight[row, column], 0)
    return y + bias[:, None, None]


def pointwise(x, weight, bias):
    n, channels, height, width = x.shape
    y = weight.T @ x.reshape(n, channels, height * width)
    y += np.reshape(bias, (-1, 1))
    return y.reshape(n, -1, height, width)


def depthwise(x, weight, bias, stride):
    size = weight.shape[0]
    y = np.zeros((x.shape[0], x.shape[1], -(-x.shape[2] // stride), -(-x.shape[3] // stride)), np.float32)
    padded = pad_same(x, size, stride)
    product = np.empty_like(y)
    for row in range(size):
        for column in range(size):
            np.multiply(taps(padded, row, column, y.shape, stride), weight[row, column][:, None, None], out=product)
            y += product
    y += bias[:, None, None]
    return y


def pad_same(x, size, stride):
    """TensorFlow's SAME: as much padding as the outputs need, the odd row or column at the end."""
    total = [max((-(-length // stride) - 1) * stride + size - length, 0) for length in x.shape[2:]]
    return np.pad(x, [(0, 0), (0, 0)] + [(t // 2, t - t // 2) for t in total])


def taps(padded, row, column, shape, stride):
    """The pixels under one tap of the filter, for outputs of `shape`."""
    height, width = shape[2:]
    return padded[:, :, row:, column:][:, :, ::stride, ::stride][:, :, :height, :width]


def relu6(x):
    return np.clip(x, 0, 6, out=x)


def read_safetensors(path):
    data = path.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        tensors[name] = np.frombuffer(data[begin:end], "<f2").astype(np.float32).reshape(entry["shape"])
    return tensors


if __name__ == "__main__":
    main()
