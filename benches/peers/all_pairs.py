"""All pairs of the same vectors by twinset's engine and by faiss IndexFlatIP, in turn; keeps every single result.

Called by run.sh from the repository's root. Wall and CPU seconds are those of the search alone, as each program says
them of itself: reading the file and filling the index or the lists come before. Peak memory is the kernel's for the
whole process. faiss is first tried with waiting threads that spin, which is its default, and with ones that sleep; it
gets the faster way. It refuses to compare different results: where the two name different neighbors that are not as
near, it says so and fails.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import measure

PASSIVE = "env OMP_WAIT_POLICY=passive"


def search(command: list[str]) -> dict:
    """One run in a fresh process: what it says, and what the kernel says of its memory."""
    log = measure.WORK / "all-pairs.log"
    figures = measure.timed(command, log)
    said = json.loads(log.read_text().splitlines()[-1])
    keep = ("rows", "dimension", "k", "threads", "load_s", "wall_s", "cpu_s")
    return {**figures, **{key: round(said[key], 3) for key in keep}}


def made(*arguments: str) -> Path:
    """The file that vectors.py wrote, now or before."""
    command = [sys.executable, str(Path(__file__).with_name("vectors.py")), *arguments]
    return Path(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()[-1])


def main() -> int:
    cli = measure.arguments(__doc__)
    cli.add_argument("--kinds", default="clustered,photos")
    cli.add_argument("--rows", default="50000,200000")
    cli.add_argument("--k", type=int, default=20)
    args = cli.parse_args()
    about, same = measure.host(), True
    files = [made(kind, rows) for rows in args.rows.split(",") for kind in args.kinds.split(",")]
    options = ["--k", str(args.k), "--threads", str(args.threads), "--out"]
    lists = {name: measure.WORK / f"{name}.lists" for name in ("faiss", "twinset")}
    python = os.path.relpath(sys.executable)
    faiss = lambda file: [python, "benches/peers/faiss_flat.py", str(file), *options, str(lists["faiss"])]
    tried = {way: search([*way.split(), *faiss(files[0])]) for way in ("", PASSIVE)}
    way = min(tried, key=lambda way: tried[way]["wall_s"])
    policies = {way or "default": [said["wall_s"], said["cpu_s"]] for way, said in tried.items()}
    for file in files:
        command = {
            "faiss": [*way.split(), *faiss(file)],
            "twinset": ["target/release/examples/all_pairs", str(file), *options, str(lists["twinset"])],
        }
        for run in range(1, args.runs + 1):
            for name in measure.in_turn(list(command), run):
                result = {"bench": "all_pairs", "data": file.stem, "program": name, "run": run, **search(command[name])}
                measure.keep({**result, "faiss_by_policy_wall_cpu": policies, **about}, args.results)
        compared = subprocess.run(
            [sys.executable, "benches/peers/same_lists.py", str(file), *map(str, lists.values()), "--k", str(args.k)],
            stdout=subprocess.PIPE,
            text=True,
        )
        said = json.loads(compared.stdout)
        measure.keep({"bench": "all_pairs_agreement", "data": file.stem, "k": args.k, **said, **about}, args.results)
        if compared.returncode:
            print(f"NOT THE SAME NEIGHBORS on {file}: {compared.stdout}", file=sys.stderr)
            same = False
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
