"""All pairs of the same vectors by twinset on a GPU and on the CPU and by PyTorch on the GPU, in turn; keeps every run.

    on_gpu.py --results FILE [--rows 100000] [--dimension 512] [--k 20] [--runs 3] [--device gpu]

For a machine that has a CUDA device and PyTorch, from the repository's root after
`cargo build --release --example all_pairs`. Wall seconds are those of the search alone, as each program says them of
itself. twinset's lists must be the same bytes on both engines, and PyTorch's the same neighbors up to ties; otherwise it
says so and fails.
"""

import json
import os
import subprocess
import sys

import measure
from all_pairs import made


def main() -> int:
    cli = measure.arguments(__doc__)
    cli.add_argument("--rows", default="100000")
    cli.add_argument("--dimension", default="512")
    cli.add_argument("--k", type=int, default=20)
    cli.add_argument("--device", default="gpu")
    args = cli.parse_args()
    measure.WORK.mkdir(exist_ok=True)
    about, same = measure.host(["torch", "numpy"]), True
    for rows in args.rows.split(","):
        file = made("clustered", rows, args.dimension)
        lists = {name: measure.WORK / f"{name}.lists" for name in ("torch", "twinset-cpu", "twinset-gpu")}
        options = lambda name: [str(file), "--k", str(args.k), "--out", str(lists[name])]
        ours = lambda name, device: ["target/release/examples/all_pairs", *options(name), "--device", device]
        command = {
            "torch": [os.path.relpath(sys.executable), "benches/peers/torch_flat.py", *options("torch")],
            "twinset-cpu": ours("twinset-cpu", "cpu"),
            "twinset-gpu": ours("twinset-gpu", args.device),
        }
        for run in range(1, args.runs + 1):
            for name in measure.in_turn(list(command), run):
                log = measure.WORK / "on-gpu.log"
                figures = measure.timed(command[name], log)
                said = json.loads(log.read_text().splitlines()[-1])
                process = {"process_wall_s": figures.pop("wall_s"), "process_cpu_s": figures.pop("cpu_s")}
                result = {"bench": "on_gpu", "data": file.stem, "program": name, "run": run, **figures, **process}
                measure.keep({**result, **said, **about}, args.results)
                print(name, run, round(said["wall_s"], 3), said.get("reduced_wall_s", ""), flush=True)
        equal = lists["twinset-cpu"].read_bytes() == lists["twinset-gpu"].read_bytes()
        compared = subprocess.run(
            [
                *[sys.executable, "benches/peers/same_lists.py", str(file)],
                *[str(lists["torch"]), str(lists["twinset-gpu"]), "--k", str(args.k)],
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        agreement = {"twinset_bytes_equal": equal, **json.loads(compared.stdout)}
        measure.keep({"bench": "on_gpu_agreement", "data": file.stem, **agreement, **about}, args.results)
        print(agreement, flush=True)
        if compared.returncode or not equal:
            print(f"NOT THE SAME LISTS on {file}", file=sys.stderr)
            same = False
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
