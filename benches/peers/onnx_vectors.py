"""A shop's own network by `kind = "onnx"` and by ONNX Runtime in Python, in turn; keeps every single result.

Called by run.sh from the repository's root. Both load the same ONNX Runtime (the one of the pinned package), run the same
model on the same photos with the same threads and batches, and say themselves how long it took:

  encode   from framed pictures to features; both get the bytes that twinset framed. `run_wall_s` of the peer is its network
           alone, without the scaling of bytes.
  whole    from image files to features: the stage `embedding` of `twinset run` with an empty cache, and onnx_peer.py.

The peer is first tried with waiting threads that spin, which is ONNX Runtime's default, and with ones that sleep; it gets the
faster way. twinset's sleep.

It refuses to compare different work: where a component of a unit vector differs by more than 1e-5, from the same framed
pictures, it says so and fails. From image files, two ways of decoding and resizing come in between: the mean cosine is kept.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import measure
import numpy as np
import onnxruntime

SIDES = {"lite0": 224, "lite2": 260}
TOLERANCE = 1e-5
PEER = str(Path(__file__).with_name("onnx_peer.py"))
LIBRARY = max(Path(onnxruntime.__file__).with_name("capi").glob("libonnxruntime.*"))


def said(command: list[str], log: Path) -> dict:
    """What a fresh process says of itself in its last line, and what the kernel says of its memory and the load."""
    figures = measure.timed(command, log)
    own = json.loads(log.read_text(encoding="utf-8").splitlines()[-1])
    figures["process_wall_s"], figures["process_cpu_s"] = figures.pop("wall_s"), figures.pop("cpu_s")
    return {**figures, **{key: round(v, 3) if isinstance(v, float) else v for key, v in own.items()}}


def night(command: list[str], out: Path, log: Path) -> dict:
    """The same of a night, whose manifest says it; the features are the published vectors."""
    shutil.rmtree(out, ignore_errors=True)
    figures = measure.timed(command, log)
    figures["process_wall_s"], figures["process_cpu_s"] = figures.pop("wall_s"), figures.pop("cpu_s")
    manifest = json.loads(next(out.glob("runs/*.json")).read_text(encoding="utf-8"))
    (stage,) = (stage for stage in manifest["timings"] if stage["stage"] == "embedding")
    count, threads = manifest["counts"]["embedded_now"], manifest["threads"]
    return {**figures, "images": count, "wall_s": stage["seconds"], "cpu_s": stage["cpu_seconds"], "threads": threads}


def units(features: Path) -> np.ndarray:
    rows = np.fromfile(features, "<f4").reshape(-1, 1280).astype(np.float64)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def main() -> int:
    cli = measure.arguments(__doc__)
    cli.add_argument("--data", type=Path, default=Path(os.environ.get("TWINSET_SHOPS", "../shared/data")))
    cli.add_argument("--networks", default="lite0,lite2")
    args = cli.parse_args()
    about, same = measure.host(["onnx", "onnxruntime", "numpy", "pillow"]), True
    catalog = Path(os.path.relpath(args.data)) / "clothing" / "products.csv"
    python, threads = os.path.relpath(sys.executable), ["--threads", str(args.threads)]
    for network in args.networks.split(","):
        work, side = measure.WORK, ["--side", str(SIDES[network])]
        model, settings, out = work / f"{network}.onnx", work / f"onnx-{network}.toml", work / f"onnx-{network}"
        pictures, log = work / f"onnx-{network}.pictures", work / f"onnx-{network}.log"
        features = {name: work / f"onnx-{network}-{name}.features" for name in ("python", "twinset")}
        settings.write_text(
            f'[catalog]\npath = "{catalog.resolve()}"\n[embedding]\nkind = "onnx"\nmodel = "{model.resolve()}"\n'
            f'library = "{LIBRARY}"\nrange = 255\nmean = [127, 127, 127]\nstd = [128, 128, 128]\n',
            encoding="utf-8",
        )
        encoder = ["target/release/examples/onnx_encode", str(settings), str(args.threads)]
        of_twinset = {
            "encode": lambda: said([*encoder, str(pictures), str(features["twinset"])], log),
            "whole": lambda: night(measure.twinset(settings, out, args.threads), out, log),
        }
        of_python = lambda what, source, *way: said(
            [python, PEER, what, str(model), str(source), str(features["python"]), *side, *threads, *way], log
        )
        of_twinset["encode"]()  # writes the pictures that the peer reads; not counted
        for what, source in (("encode", pictures), ("whole", catalog)):
            tried = {way: of_python(what, source, *way)["wall_s"] for way in ((), ("--passive",))}
            way = min(tried, key=tried.get)
            for run in range(1, args.runs + 1):
                for name in measure.in_turn(["python", "twinset"], run):
                    figures = of_twinset[what]() if name == "twinset" else of_python(what, source, *way)
                    rate = {"images_per_s": round(figures["images"] / figures["wall_s"], 1)}
                    result = {"bench": "onnx", "data": f"clothing-{network}-{what}", "program": name, "run": run}
                    measure.keep({**result, **figures, **rate, **about}, args.results)
            ours, theirs = units(features["twinset"]), units(features["python"])
            worst, cosine = float(np.abs(ours - theirs).max()), float((ours * theirs).sum(axis=1).mean())
            agreement = {"network": network, "what": what, "largest_difference": worst, "mean_cosine": cosine}
            measure.keep({"bench": "onnx_agreement", **agreement, **about}, args.results)
            print(f"{network} {what}: largest difference of a component {worst:.3g}, mean cosine {cosine:.6f}")
            if what == "encode" and worst > TOLERANCE:
                print(f"NOT THE SAME VECTORS of {network}: {worst:.3g}", file=sys.stderr)
                same = False
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
