"""Writes tiny ONNX models: each gives the mean of every color of an 8 x 8 picture, in one way or another.

    python tests/python/onnx_models.py FOLDER
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE = 8
F32, F16, U8 = TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.UINT8
NCHW, COLORS = ["n", 3, SIDE, SIDE], ["n", 3]


def means(picture: str, colors: str, axes=(2, 3), keepdims=0):
    return helper.make_node("ReduceMean", [picture], [colors], axes=list(axes), keepdims=keepdims)


def model(nodes, inputs, outputs, weights=()):
    """`inputs` and `outputs` are (name, shape) or (name, shape, type)."""
    info = lambda name, shape, kind=F32: helper.make_tensor_value_info(name, kind, shape)
    graph = helper.make_graph(
        nodes, "tiny", [info(*port) for port in inputs], [info(*port) for port in outputs], list(weights)
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(made)
    return made


def main() -> None:
    folder = Path(sys.argv[1])
    save = lambda name, made, **options: onnx.save(made, folder / f"{name}.onnx", **options)
    picture, colors = ("picture", NCHW), ("colors", COLORS)

    save("plain", model([means("picture", "colors")], [picture], [colors]))
    save("nhwc", model([means("picture", "colors", (1, 2))], [("picture", ["n", SIDE, SIDE, 3])], [colors]))
    save("half", model([means("picture", "colors")], [(*picture, F16)], [(*colors, F16)]))
    save("fixed", model([means("picture", "colors")], [("picture", [4, 3, SIDE, SIDE])], [("colors", [4, 3])]))
    save("open", model([means("picture", "colors", keepdims=1)], [("picture", list("nchw"))], [("colors", ["n", "d", 1, 1])]))
    save("bytes", model([helper.make_node("Cast", ["picture"], ["f"], to=F32), means("f", "colors")], [(*picture, U8)], [colors]))

    # A map first, then two vectors: the means, and the means of the picture turned around.
    turned = numpy_helper.from_array(np.array([-1, -1, -1], np.float32).reshape(1, 3, 1, 1), "turn")
    nodes = [
        helper.make_node("Mul", ["picture", "turn"], ["map"]),
        means("picture", "colors"),
        means("map", "turned"),
    ]
    outputs = [("map", NCHW), colors, ("turned", COLORS)]
    save("several", model(nodes, [picture], outputs, [turned]))

    # Says that it takes several pictures and takes one.
    one = numpy_helper.from_array(np.array([1, 3], np.int64), "one")
    nodes = [means("picture", "m"), helper.make_node("Reshape", ["m", "one"], ["colors"])]
    save("one", model(nodes, [picture], [colors], [one]))

    # Takes words beside the picture.
    nodes = [means("picture", "m"), helper.make_node("Add", ["m", "words"], ["colors"])]
    save("words", model(nodes, [("words", COLORS), picture], [colors]))

    # Weights in a file of their own.
    scale = numpy_helper.from_array(np.array([1, 2, 4], np.float32), "scale")
    nodes = [means("picture", "m"), helper.make_node("Mul", ["m", "scale"], ["colors"])]
    made = model(nodes, [picture], [colors], [scale])
    save("outside", made, save_as_external_data=True, location="outside.weights", size_threshold=0)


if __name__ == "__main__":
    main()
