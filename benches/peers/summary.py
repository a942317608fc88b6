"""Prints the medians of what the benches kept, and how the programs compare: `summary.py RESULTS.jsonl...`."""

import json
import statistics
import sys
from pathlib import Path
from typing import Iterable

COLUMNS = (
    ("wall s", "wall_s", ".2f"),
    ("CPU s", "cpu_s", ".2f"),
    ("peak MiB", "peak_mib", ".0f"),
    ("similarity wall s", "similarity_wall_s", ".2f"),
    ("similarity CPU s", "similarity_cpu_s", ".2f"),
)


def medians(runs: list[dict]) -> dict[str, float]:
    """Of what every run says."""
    return {
        key: statistics.median(run[key] for run in runs)
        for _, key, _ in COLUMNS
        if all(run.get(key) is not None for run in runs)
    }


def row(bench: str, data: str, program: str, runs: int | str, cells: Iterable[str]) -> str:
    return f"{bench:10} {data:23} {program:16} {runs:>4}" + "".join(f" {cell:>17}" for cell in cells)


def main() -> None:
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    lines = [line for path in sys.argv[1:] for line in Path(path).read_text(encoding="utf-8").splitlines()]
    results = [json.loads(line) for line in lines]
    groups: dict[tuple[str, str], dict[str, list[dict]]] = {}
    for result in results:
        if "program" in result:
            group = groups.setdefault((result["bench"], result["data"]), {})
            group.setdefault(result["program"], []).append(result)
    print(row("bench", "data", "program", "runs", (title for title, _, _ in COLUMNS)))
    for (bench, data), programs in groups.items():
        found = {program: medians(runs) for program, runs in sorted(programs.items())}
        for program, figures in found.items():
            cells = (format(figures[key], form) if key in figures else "" for _, key, form in COLUMNS)
            print(row(bench, data, program, len(programs[program]), cells))
        own = found.pop("twinset", {})
        for program, figures in found.items():
            both = lambda key: key in figures and own.get(key)
            times = (f"{figures[key] / own[key]:.2f} x" if both(key) else "" for _, key, _ in COLUMNS)
            print(row(bench, data, f"{program} : twinset", "", times))
    for result in results:
        if "twinset_to_pyarrow" in result:
            wall, cpu = (result["twinset_to_pyarrow"][key] for key in ("wall_s", "cpu_s"))
            print(f"all stages but scoring, twinset : PyArrow: wall {wall} x, CPU {cpu} x")
        if result.get("bench") == "all_pairs_agreement":
            differ, beyond = result["different_places"], result["different_beyond_ties"]
            said = f"of {result['lists']} lists of {result['k']}, {differ} places differ, {beyond} by more than a tie"
            print(f"{result['data']}: {said}")


if __name__ == "__main__":
    main()
