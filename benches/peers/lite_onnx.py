"""Builds an ONNX file of a built-in network from the repository's weights, so that a peer runs the very same network.

    lite_onnx.py models/efficientnet-lite0.safetensors lite0.onnx

Opset 13, float32 (the float16 weights widened). Input `input`: batch x 3 x 224 x 224 (Lite2: 260), red, green, blue,
(byte - 127) / 128. Output `features`: batch x 1280, the mean of the head over all positions, not scaled to length 1.
The layout of the weights is described in models/README.md.
"""

import json
import struct
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FEATURES = 1280
# By the number of blocks: name, pixels a side, blocks of each stage.
NETWORKS = {
    16: ("efficientnet-lite0", 224, (1, 2, 2, 3, 3, 4, 1)),
    21: ("efficientnet-lite2", 260, (1, 3, 3, 4, 4, 5, 1)),
}
# of the first block of each stage
STRIDES = (1, 2, 2, 2, 1, 2, 1)
# from (row, column, in, out), 1 x 1 included, and from (1, row, column, channel), to (out, in per group, row, column)
DENSE, DEPTHWISE = (3, 2, 0, 1), (3, 0, 1, 2)


def read_safetensors(path: Path) -> dict[str, np.ndarray]:
    """Every tensor, widened to float32."""
    data = path.read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    body = data[8 + size :]
    tensors = {}
    for name, entry in json.loads(data[8 : 8 + size]).items():
        if name == "__metadata__":
            continue
        start, end = entry["data_offsets"]
        dtype = {"F16": "<f2", "F32": "<f4"}[entry["dtype"]]
        tensors[name] = np.frombuffer(body[start:end], dtype).reshape(entry["shape"]).astype(np.float32)
    return tensors


class Network:
    """Appends layers to a graph; each method returns the name of what it computes."""

    def __init__(self, tensors: dict[str, np.ndarray]):
        self.tensors, self.unused = tensors, set(tensors)
        self.nodes, self.weights = (
            [],
            [numpy_helper.from_array(np.float32(0), "zero"), numpy_helper.from_array(np.float32(6), "six")],
        )

    def convolution(
        self, x: str, layer: str, axes: tuple[int, ...], side: int, stride: int = 1, activated: bool = True
    ) -> str:
        """A convolution whose weight is stored in one of the two orders above; with ReLU6 where it is activated."""
        weight = self.tensors[f"{layer}.weight"]
        weight = weight.reshape((1,) * (4 - weight.ndim) + weight.shape).transpose(axes)
        for kind, value in (("weight", np.ascontiguousarray(weight)), ("bias", self.tensors[f"{layer}.bias"])):
            self.weights.append(numpy_helper.from_array(value, f"{layer}.{kind}"))
            self.unused.remove(f"{layer}.{kind}")
        kernel = weight.shape[2]
        padding = max((-(-side // stride) - 1) * stride + kernel - side, 0)  # `SAME`: the odd one goes to the end
        before, after = padding // 2, padding - padding // 2
        self.nodes.append(
            helper.make_node(
                "Conv",
                [x, f"{layer}.weight", f"{layer}.bias"],
                [layer],
                kernel_shape=[kernel, kernel],
                strides=[stride, stride],
                pads=[before, before, after, after],
                group=weight.shape[0] if layer.endswith("depthwise") else 1,
            )
        )
        return self.add("Clip", [layer, "zero", "six"], f"{layer}.relu6") if activated else layer

    def add(self, operator: str, inputs: list[str], output: str, **attributes) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output


def build(tensors: dict[str, np.ndarray]) -> onnx.ModelProto:
    name, input_side, depths = NETWORKS[sum(layer.endswith(".project.weight") for layer in tensors)]
    net = Network(tensors)
    x = net.convolution("input", "stem", DENSE, input_side, stride=2)
    side, last = -(-input_side // 2), -1
    for depth, first_stride in zip(depths, STRIDES):
        first, last = last + 1, last + depth
        for number in range(first, last + 1):
            block, shortcut = f"block{number:02}", x
            stride = first_stride if number == first else 1
            if f"{block}.expand.weight" in tensors:
                x = net.convolution(x, f"{block}.expand", DENSE, side)
            x = net.convolution(x, f"{block}.depthwise", DEPTHWISE, side, stride)
            side = -(-side // stride)
            x = net.convolution(x, f"{block}.project", DENSE, side, activated=False)
            if number != first:
                x = net.add("Add", [x, shortcut], f"{block}.sum")
    x = net.convolution(x, "head", DENSE, side)
    x = net.add("GlobalAveragePool", [x], "pooled")
    net.add("Flatten", [x], "features", axis=1)
    if net.unused:
        raise SystemExit(f"weights that no layer used: {sorted(net.unused)[:5]}")
    tensor = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    graph = helper.make_graph(
        net.nodes,
        name,
        [tensor("input", ["n", 3, input_side, input_side])],
        [tensor("features", ["n", FEATURES])],
        net.weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8, producer_name="twinset")
    onnx.checker.check_model(model, full_check=True)
    return model


def main() -> None:
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    model = build(read_safetensors(Path(sys.argv[1])))
    onnx.save(model, sys.argv[2])
    print(f"{sys.argv[2]}: {len(model.graph.node)} nodes, {Path(sys.argv[2]).stat().st_size} bytes")


if __name__ == "__main__":
    main()
