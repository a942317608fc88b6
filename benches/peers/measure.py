"""Runs twinset and its peer in turn on the same shops with the same rules, and keeps every single result.

Called by run.sh from the repository's root. Each run is a fresh process into an empty folder, so nothing is cached
between runs but the files in memory; one run of each, not counted, comes first. Wall time is from start to exit; CPU
seconds (user + system) and peak memory are the kernel's figures for the finished process. It refuses to compare
different work: where the two differ in eligible entries or in rows, it says so and fails.

The other benches take from here how a process is timed, what is said of the host and how results are kept.
"""

import argparse
import csv
import datetime
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

WORK = Path("benches/peers/.work")
MODEL = WORK / "lite0.onnx"

# What of a CPU decides how fast it multiplies.
FLAGS = {"avx2", "fma", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8", "asimddp", "i8mm"}

# The peer's own rules: siblings are all other categories of the department, an upsell is dearer by more than 5 %, and
# lists are ordered by similarity alone.
RULES = """
[[rule]]
name = "similar"
relation = "similar"
candidates = "same_department"

[[rule]]
name = "cross_sell"
relation = "cross_sell"
candidates = "complement"
price_ratio = { up_to = 1.05 }

[[rule]]
name = "upsell"
relation = "upsell"
candidates = "same_category"
price_ratio = { above = 1.05, up_to = 2.0 }
"""


def configuration(catalog: Path, table: Path | None = None) -> str:
    """twinset.toml with the peer's rules: every category is completed by the others of its department.

    `catalog` is a CSV; `table` is the same shop as Parquet with a vector column, where there are no images.
    """
    with catalog.open(newline="", encoding="utf-8-sig") as file:
        categories = sorted({row["category"] for row in csv.DictReader(file) if row["category"]})
    department = lambda path: path.split("/")[0] if any("/" in c for c in categories) else ""
    quote = lambda text: json.dumps(text, ensure_ascii=False)
    lines = [
        "[catalog]",
        f"path = {quote(os.path.relpath(table or catalog, WORK))}",
        f"images = {quote(os.path.relpath(catalog.parent, WORK))}",
        "",
        "[embedding]",
        f'kind = "{"column" if table else "builtin"}"',
        "",
        "[similarity]",
        'device = "cpu"',
        "",
        "[output]",
        "placements = false",
        "",
        "[complements]",
    ]
    for own in categories:
        others = [c for c in categories if c != own and department(c) == department(own)]
        if others:
            lines.append(f"{quote(own)} = [{', '.join(map(quote, others))}]")
    return "\n".join(lines) + "\n" + RULES


def timed(command: list[str], log: Path) -> dict:
    """Runs to the end; wall and CPU seconds, peak memory in MiB."""
    load = os.getloadavg()[0]
    with log.open("wb") as sink:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=sink, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.stderr.write(log.read_text(errors="replace")[-2000:])
        raise SystemExit(f"`{' '.join(command)}` ended with {process.returncode}")
    return {
        "command": " ".join(Path(word).name if word.endswith("peer.py") else word for word in command),
        "wall_s": round(wall, 3),
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 3),
        "peak_mib": usage.ru_maxrss // 1024,
        "load_before": round(load, 2),
    }


def work_done(out: Path) -> dict:
    """Rows, and eligible and returned entries by rule."""
    counted = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("count.py")), str(out)],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(counted.stdout)


def host(peers: list[str] | None = None) -> dict:
    """What the figures were taken on and of what; `peers` are the packages, those of requirements.txt unless named."""
    said = lambda *command: subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    lines = (line.split(":", 1) for line in Path("/proc/cpuinfo").read_text().splitlines() if ":" in line)
    cpuinfo = {key.strip(): value.strip() for key, value in lines}
    if peers is None:
        wanted = Path(__file__).with_name("requirements.txt").read_text().split()
        peers = [line.split("==")[0] for line in wanted]
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "cpu": cpuinfo.get("model name", os.uname().machine),
        "flags": [flag for flag in cpuinfo.get("flags", "").split() if flag in FLAGS],
        "cores": len(os.sched_getaffinity(0)),
        "commit": said("git", "describe", "--always", "--dirty", "--abbrev=12"),
        "peers": {name: importlib.metadata.version(name) for name in peers},
    }


def keep(result: dict, results: Path) -> None:
    """Appends one run."""
    results.parent.mkdir(exist_ok=True)
    with results.open("a", encoding="utf-8") as file:
        file.write(json.dumps(result) + "\n")


def in_turn(names: list[str], run: int) -> list[str]:
    """Who is first changes from run to run."""
    return sorted(names, reverse=run % 2 == 0)


def same_work(results: list[dict]) -> bool:
    """Whether all did the same; says so where not."""
    done = {json.dumps(result["eligible_and_returned"], sort_keys=True) for result in results}
    if len(done) > 1:
        print(f"NOT THE SAME WORK on {results[0]['data']}: {' against '.join(sorted(done))}", file=sys.stderr)
    return len(done) <= 1


def arguments(doc: str) -> argparse.ArgumentParser:
    """What every bench takes."""
    cli = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--results", type=Path, required=True, help="where to append every counted run, as JSON lines")
    cli.add_argument("--runs", type=int, default=3)
    cli.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    return cli


def main() -> int:
    cli = arguments(__doc__)
    cli.add_argument("--peer", type=Path, required=True)
    cli.add_argument("--data", type=Path, default=Path(os.environ.get("TWINSET_SHOPS", "../shared/data")))
    cli.add_argument("--shops", default="clothing,magento_luma")
    cli.add_argument("--only", choices=["peer", "twinset"], help="leave the other one out: nothing is compared")
    args = cli.parse_args()
    about, same = host(), True
    for shop in args.shops.split(","):
        catalog, settings = Path(os.path.relpath(args.data)) / shop / "products.csv", WORK / f"{shop}.toml"
        settings.write_text(configuration(catalog), encoding="utf-8")
        out = {name: WORK / f"{shop}-{name}" for name in ("peer", "twinset") if args.only in (None, name)}
        command = {
            "peer": [
                os.path.relpath(sys.executable),
                os.path.relpath(args.peer),
                str(catalog),
                str(out.get("peer")),
                "--variant",
                "B",
                "--model",
                str(MODEL),
                "--images",
                str(catalog.parent),
                "--threads",
                str(args.threads),
            ],
            "twinset": twinset(settings, out.get("twinset"), args.threads),
        }
        results = []
        for run in range(args.runs + 1):
            for name in in_turn(list(out), run):
                shutil.rmtree(out[name], ignore_errors=True)
                figures = timed(command[name], WORK / f"{shop}-{name}.log")
                if run:
                    result = {"bench": "shops", "data": shop, "program": name, "run": run, **figures}
                    results.append({**result, **work_done(out[name]), **about})
                    keep(results[-1], args.results)
        same &= same_work(results)
    return 0 if same else 1


def twinset(settings: Path, out: Path | None, threads: int) -> list[str]:
    """The command of a night."""
    return [
        "target/release/twinset",
        "run",
        str(settings),
        "--out",
        str(out),
        "--threads",
        str(threads),
        "--run-date",
        "2026-11-22",
    ]


if __name__ == "__main__":
    sys.exit(main())
