"""Runs twinset and its peer in turn on the same shops with the same rules, and keeps every single result.

Called by run.sh from the repository's root. Each run is a fresh process into an empty folder, so nothing is cached
between runs but the files in memory; one run of each, not counted, comes first. Wall time is from start to exit; CPU
seconds (user + system) and peak memory are the kernel's figures for the finished process. It refuses to compare
different work: where the two differ in eligible entries or in rows, it says so and fails.
"""

import argparse
import csv
import datetime
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

WORK, RESULTS = Path("benches/peers/.work"), Path("benches/peers/results")
MODEL = WORK / "lite0.onnx"

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


def configuration(catalog: Path) -> str:
    """twinset.toml with the peer's rules: every category is completed by the others of its department."""
    with catalog.open(newline="", encoding="utf-8-sig") as file:
        categories = sorted({row["category"] for row in csv.DictReader(file) if row["category"]})
    department = lambda path: path.split("/")[0] if any("/" in c for c in categories) else ""
    quote = lambda text: json.dumps(text, ensure_ascii=False)
    lines = [
        "[catalog]",
        f"path = {quote(os.path.relpath(catalog, WORK))}",
        f"images = {quote(os.path.relpath(catalog.parent, WORK))}",
        "",
        "[similarity]",
        'device = "cpu"',
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


def host() -> dict:
    """What the figures were taken on and of what."""
    said = lambda *command: subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    models = [
        line.split(":", 1)[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "cpu": models[0] if models else os.uname().machine,
        "cores": len(os.sched_getaffinity(0)),
        "commit": said("git", "describe", "--always", "--dirty", "--abbrev=12"),
    }


def main() -> int:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--peer", type=Path, required=True)
    cli.add_argument("--data", type=Path, default=Path(os.environ.get("TWINSET_SHOPS", "../shared/data")))
    cli.add_argument("--runs", type=int, default=3)
    cli.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    cli.add_argument("--shops", default="clothing,magento_luma")
    cli.add_argument("--only", choices=["peer", "twinset"], help="leave the other one out: nothing is compared")
    args = cli.parse_args()
    RESULTS.mkdir(exist_ok=True)
    kept = RESULTS / f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%dT%H%M%SZ}.jsonl"
    about, results = host(), []
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
            "twinset": [
                "target/release/twinset",
                "run",
                str(settings),
                "--out",
                str(out.get("twinset")),
                "--threads",
                str(args.threads),
                "--run-date",
                "2026-11-22",
            ],
        }
        for run in range(args.runs + 1):
            for name in sorted(out) if run % 2 else sorted(out, reverse=True):  # take turns to be first
                shutil.rmtree(out[name], ignore_errors=True)
                figures = timed(command[name], WORK / f"{shop}-{name}.log")
                if run:
                    results.append(
                        {"shop": shop, "program": name, "run": run, **figures, **work_done(out[name]), **about}
                    )
                    with kept.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(results[-1]) + "\n")
    return report(results, kept)


def report(results: list[dict], kept: Path) -> int:
    """Prints medians; 1 where the two programs did different work."""
    different = 0
    print(f"{'shop':14} {'program':8} {'runs':>4} {'wall s':>8} {'CPU s':>8} {'peak MiB':>9}   rows")
    for shop in dict.fromkeys(result["shop"] for result in results):
        of_shop = [result for result in results if result["shop"] == shop]
        for name in sorted({result["program"] for result in of_shop}):
            runs = [result for result in of_shop if result["program"] == name]
            wall, cpu, peak = (statistics.median(run[key] for run in runs) for key in ("wall_s", "cpu_s", "peak_mib"))
            print(f"{shop:14} {name:8} {len(runs):4} {wall:8.2f} {cpu:8.2f} {peak:9.0f}   {runs[0]['rows']}")
        done = {json.dumps(result["eligible_and_returned"], sort_keys=True) for result in of_shop}
        if len(done) > 1:
            different = 1
            print(f"NOT THE SAME WORK on {shop}: {' against '.join(sorted(done))}", file=sys.stderr)
    print(f"every run: {kept}")
    return different


if __name__ == "__main__":
    sys.exit(main())
