"""A catalog with a vector column, from file to tables, by twinset and by the peer in turn; keeps every single result.

Called by run.sh from the repository's root; the shops are the peer's own generator's, without variant groups (see
vectors.py). As measure.py times whole processes, and keeps beside it what each says of similarity and rules alone:
twinset's manifest (planning, scoring, recommending) and the peer's statistics (prepare+eligible, similarity+rules).
It refuses to compare different work, as measure.py does. With `--only twinset` there is nothing to compare.
"""

import json
import os
import shutil
import sys
from pathlib import Path

import measure
from all_pairs import made

TWINSET_STAGES = ("planning", "scoring", "recommending")
PEER_STAGES = ("prepare+eligible", "similarity+rules")


def stages_of_twinset(out: Path) -> dict[str, tuple[float, float | None]]:
    """Wall and CPU seconds by stage; manifests from before CPU seconds were kept have none."""
    (manifest,) = out.glob("runs/*.json")
    timings = json.loads(manifest.read_text(encoding="utf-8"))["timings"]
    return {stage["stage"]: (stage["seconds"], stage.get("cpu_seconds")) for stage in timings}


def stages_of_peer(statistics: Path) -> dict[str, tuple[float, float | None]]:
    return json.loads(statistics.read_text(encoding="utf-8").splitlines()[-1])["stages"]


def similarity_and_rules(stages: dict[str, tuple[float, float | None]], names: tuple[str, ...]) -> dict:
    wall, cpu = zip(*(stages[name] for name in names if name in stages))
    return {
        "stages": stages,
        "similarity_wall_s": round(sum(wall), 3),
        "similarity_cpu_s": None if None in cpu else round(sum(cpu), 3),
    }


def main() -> int:
    cli = measure.arguments(__doc__)
    cli.add_argument("--peer", type=Path, required=True, help="its generator lies beside it")
    cli.add_argument("--rows", default="50000,200000")
    cli.add_argument("--dimension", default="512")
    cli.add_argument("--uncounted", type=int, default=1, help="runs of each that come first and are not counted")
    cli.add_argument("--only", choices=["peer", "twinset"], help="leave the other one out: nothing is compared")
    args = cli.parse_args()
    about, same = measure.host(), True
    for rows in args.rows.split(","):
        table = made("catalog", rows, args.dimension, "--gen", str(args.peer.with_name("gen.py")))
        settings, statistics = measure.WORK / f"{table.stem}.toml", measure.WORK / "peer-statistics.jsonl"
        written = measure.WORK / f"synth_{rows}_{args.dimension}.csv"
        settings.write_text(measure.configuration(written, table), encoding="utf-8")
        out = {name: measure.WORK / f"rows-{name}" for name in ("peer", "twinset") if args.only in (None, name)}
        command = {
            "peer": [
                os.path.relpath(sys.executable),
                os.path.relpath(args.peer),
                str(table),
                str(out.get("peer")),
                "--variant",
                "B",
                "--threads",
                str(args.threads),
                "--stats",
                str(statistics),
            ],
            "twinset": measure.twinset(settings, out.get("twinset"), args.threads),
        }
        results = []
        for run in range(1 - args.uncounted, args.runs + 1):
            for name in measure.in_turn(list(out), run):
                shutil.rmtree(out[name], ignore_errors=True)
                figures = measure.timed(command[name], measure.WORK / f"rows-{name}.log")
                if run < 1:
                    continue
                if name == "peer":
                    alone = similarity_and_rules(stages_of_peer(statistics), PEER_STAGES)
                else:
                    alone = similarity_and_rules(stages_of_twinset(out[name]), TWINSET_STAGES)
                result = {"bench": "rows", "data": table.stem, "program": name, "run": run, **figures, **alone}
                results.append({**result, **measure.work_done(out[name]), **about})
                measure.keep(results[-1], args.results)
        same &= measure.same_work(results)
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
