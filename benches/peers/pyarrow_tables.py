"""What PyArrow needs to read a run's catalog and to write the run's three tables again; one line of JSON to stdout.

    python benches/peers/pyarrow_tables.py CATALOG.parquet OUT_DIR [--threads N] [--runs N]

It is the yardstick for every stage of a run but `scoring`: the stage times and CPU seconds stand in the run's manifest. The
finished tables are read first and not timed: what is timed has them for nothing, as Arrow arrays in memory, and
reads the catalog and writes the same rows with the same schema, ZSTD level, row groups, dictionary choices, statistics,
page index and cut into files. PyArrow gets its best honest settings: texts that repeat come as dictionary arrays where that is
faster, files are written by `--threads` threads, nothing is hashed and nothing is made durable, which twinset does. It refuses
to compare other rows: what it wrote is read back and compared.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

ROW_GROUP_ROWS = 122_880
WITHOUT_DICTIONARY = {"similarity", "score", "price_ratio", "detail"}
# Texts of few values in every table.
FEW_VALUES = {"run_id", "rule", "relation", "currency", "recommended_currency", "shortfall_reason", "stage", "code"}


def clock() -> tuple[float, float]:
    used = os.times()
    return time.perf_counter(), used.user + used.system


def since(start: tuple[float, float]) -> dict:
    end = clock()
    return {"wall_s": round(end[0] - start[0], 3), "cpu_s": round(end[1] - start[1], 3)}


def load(path: Path, dictionaries: bool) -> pa.Table:
    table = pq.ParquetFile(path).read()
    if dictionaries:
        for at, name in enumerate(table.column_names):
            if name in FEW_VALUES:
                table = table.set_column(at, name, table[name].dictionary_encode().unify_dictionaries())
    return table


def place(original: Path, out: Path) -> Path:
    """Where the same file of the same table goes: files of two tables share their names."""
    return out / f"{original.parents[1].name}-{original.name}"


def write(table: pa.Table, path: Path) -> None:
    sorted_by = [name for name in ("product_id", "rule", "rank") if name in table.column_names]
    pq.write_table(
        table,
        path,
        row_group_size=ROW_GROUP_ROWS,
        compression="zstd",
        compression_level=3,
        use_dictionary=[name for name in table.column_names if name not in WITHOUT_DICTIONARY],
        write_statistics=True,
        write_page_index=True,
        store_schema=False,
        store_decimal_as_integer=True,
        sorting_columns=pq.SortingColumn.from_ordering(table.schema, [(name, "ascending") for name in sorted_by]),
    )


def timed(catalog: Path, tables: dict[Path, pa.Table], out: Path, threads: int) -> dict:
    """Reads the catalog and writes the tables, one after the other as a night does."""
    start = clock()
    read = pq.read_table(catalog, memory_map=False)
    reading = since(start)
    del read
    start = clock()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda item: write(item[1], place(item[0], out)), tables.items()))
    writing = since(start)
    total = {key: round(reading[key] + writing[key], 3) for key in reading}
    return {"reading": reading, "writing": writing, "total": total}


def check(tables: dict[Path, pa.Table], out: Path) -> None:
    for original in tables:
        written = place(original, out)
        if not pq.ParquetFile(written).read().equals(pq.ParquetFile(original).read()):
            raise SystemExit(f"`{written}` does not hold the rows of `{original}`")


def twinset_stages(out: Path) -> dict:
    """The stage times of the only run in the folder."""
    (manifest,) = (out / "runs").glob("*.json")
    stages = json.loads(manifest.read_text(encoding="utf-8"))["timings"]
    besides = [stage for stage in stages if stage["stage"] != "scoring"]
    total = {key: round(sum(stage.get(key, 0.0) for stage in besides), 3) for key in ("seconds", "cpu_seconds")}
    return {"stages": stages, "besides_scoring": {"wall_s": total["seconds"], "cpu_s": total["cpu_seconds"]}}


def main() -> int:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("catalog", type=Path)
    cli.add_argument("out", type=Path, help="the output folder of a run on that catalog")
    cli.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    cli.add_argument("--runs", type=int, default=3)
    args = cli.parse_args()
    pa.set_cpu_count(args.threads)
    pa.set_io_thread_count(args.threads)
    paths = [p for table in ("recommendations", "coverage", "rejects") for p in sorted((args.out / table).glob("*/*"))]
    kinds = {}
    for kind, dictionaries in (("texts", False), ("dictionaries", True)):
        tables = {path: load(path, dictionaries) for path in paths}
        with tempfile.TemporaryDirectory(dir=args.out) as scratch:
            out = Path(scratch)
            timed(args.catalog, tables, out, args.threads)
            if not dictionaries:
                check(tables, out)
            runs = [timed(args.catalog, tables, out, args.threads) for _ in range(args.runs)]
            size = sum(path.stat().st_size for path in out.iterdir())
        median = lambda part, key: round(statistics.median(run[part][key] for run in runs), 3)
        parts = {part: {key: median(part, key) for key in ("wall_s", "cpu_s")} for part in runs[0]}
        kinds[kind] = {**parts, "bytes": size, "runs": runs}
    best = min(kinds, key=lambda kind: kinds[kind]["total"]["cpu_s"])
    twinset = twinset_stages(args.out)
    ratio = {key: round(twinset["besides_scoring"][key] / kinds[best]["total"][key], 2) for key in ("wall_s", "cpu_s")}
    about = {"pyarrow": pa.__version__, "threads": args.threads, "load_before": round(os.getloadavg()[0], 2)}
    size = sum(path.stat().st_size for path in paths)
    print(json.dumps({**about, "best": best, **kinds, "twinset": {**twinset, "bytes": size}, "twinset_to_pyarrow": ratio}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
