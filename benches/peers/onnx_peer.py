"""The same network by ONNX Runtime in Python, as a careful person would run it; prints one line of JSON.

    onnx_peer.py encode MODEL PICTURES FEATURES --side 224 --threads 2     framed pictures into features
    onnx_peer.py whole MODEL PRODUCTS.CSV FEATURES --side 224 --threads 2  image files into features

`encode` reads what examples/onnx_encode.rs framed (side x side x 3 bytes each) and times scaling and network; `run_wall_s` is
the network alone. `whole` times everything from the catalog on but the imports and opening the model: Pillow decodes
and frames in threads (it lets go of the interpreter meanwhile) while ONNX Runtime works on the batch before.
"""

import argparse
import csv
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime

BATCH, MEAN, SCALE, CROP = 16, np.float32(127), np.float32(1 / 128), 0.875


def scaled(pictures: np.ndarray) -> np.ndarray:
    """Pictures of bytes, channels last, as the network takes them; SCALE is a power of two, so that no bit is lost."""
    values = np.empty((len(pictures), 3, *pictures.shape[1:3]), np.float32)
    np.subtract(pictures.transpose(0, 3, 1, 2), MEAN, out=values, dtype=np.float32)
    values *= SCALE
    return values


def framed(path: Path, side: int) -> np.ndarray:
    from PIL import Image, ImageOps

    with Image.open(path) as photo:
        photo = ImageOps.exif_transpose(photo).convert("RGB")
        cropped = CROP * min(photo.size)
        left, top = ((length - cropped) / 2 for length in photo.size)
        box = (left, top, left + cropped, top + cropped)
        return np.asarray(photo.resize((side, side), Image.Resampling.BICUBIC, box=box))


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("what", choices=["encode", "whole"])
    cli.add_argument("model")
    cli.add_argument("input", type=Path)
    cli.add_argument("features", type=Path)
    cli.add_argument("--side", type=int, required=True)
    cli.add_argument("--threads", type=int, required=True)
    cli.add_argument("--passive", action="store_true", help="threads that wait sleep; by default they spin")
    args = cli.parse_args()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = args.threads
    if args.passive:
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(args.model, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    features, run_wall = [], 0.0
    shape = (args.side, args.side, 3)
    if args.what == "encode":
        pictures = np.fromfile(args.input, np.uint8).reshape(-1, *shape)
        batches = (pictures[start : start + BATCH] for start in range(0, len(pictures), BATCH))
        # As twinset does before it is asked for anything: shows the network two blank pictures.
        session.run(None, {name: np.zeros((2, 3, *shape[:2]), np.float32)})
    else:
        from PIL import Image, ImageOps  # noqa: F401 - not timed

    start, cpu = time.perf_counter(), time.process_time()
    if args.what == "whole":
        with open(args.input, newline="", encoding="utf-8-sig") as file:
            paths = [args.input.parent / row["image"] for row in csv.DictReader(file)]
        pool = ThreadPoolExecutor(args.threads)
        ahead = [pool.submit(framed, path, args.side) for path in paths]
        batches = (np.stack([f.result() for f in ahead[at : at + BATCH]]) for at in range(0, len(ahead), BATCH))
    for batch in batches:
        values = scaled(batch)
        before = time.perf_counter()
        features.append(session.run(None, {name: values})[0])
        run_wall += time.perf_counter() - before
    wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    rows = np.concatenate(features).astype("<f4")
    rows.tofile(args.features)
    print(json.dumps({"images": len(rows), "wall_s": wall, "cpu_s": cpu, "run_wall_s": run_wall, "threads": args.threads}))


if __name__ == "__main__":
    main()
