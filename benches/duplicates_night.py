"""What `[duplicates]` adds to a night; prints a line of JSON for each run.

    benches/duplicates_night.py SHOPS ROWS RUNS

Vectors of the clothing photos in SHOPS, repeated with noise up to ROWS products in 20 departments (so that the default rules compare a
twentieth of all pairs), every 50th nearly the one before it. They come in a column, so that no image costs anything. Runs with and without
`[duplicates]` alternate. With ROWS `same:50000`, all show the first photo.

Needs `cargo build --release`, NumPy and PyArrow.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from truths import PHONE, first_label, published, table


def catalog(vectors: np.ndarray) -> pa.Table:
    count, dimension = vectors.shape
    rows = np.arange(count)
    columns = {
        "id": [f"p{row:06}" for row in rows],
        "category": [f"{row // 7 % 20}/{row // 7 % 200}" for row in rows],
        "price": [f"{5 + row * 7919 % 195}.99" for row in rows],
        "currency": ["USD"] * count,
        "embedding": pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), dimension),
    }
    return pa.table(columns)


def repeated(photos: np.ndarray, count: int) -> np.ndarray:
    r = np.random.default_rng(7)
    rows = photos[np.arange(count) % len(photos)]
    noise = lambda scale: r.normal(0, scale / np.sqrt(rows.shape[1]), rows.shape).astype(np.float32)
    rows = rows + noise(0.5)
    rows[50::50] = rows[49:-1:50][: len(rows[50::50])]
    return rows + noise(0.15)


def main() -> None:
    shops, (kind, _, count), runs = Path(sys.argv[1]), sys.argv[2].rpartition(":"), int(sys.argv[3])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        images = sorted(first_label(table(shops / PHONE / "products.csv"), "id"))
        photos = np.array(list(published(shops, PHONE, "standard", images, folder).values()), np.float32)
        vectors = np.repeat(photos[:1], int(count), axis=0) if kind else repeated(photos, int(count))
        pq.write_table(catalog(vectors), folder / "products.parquet")
        for run in range(2 * runs):
            wanted = run % 2 == 1
            settings = '[catalog]\npath = "products.parquet"\n[embedding]\nkind = "column"\n[duplicates]\n'
            (folder / "twinset.toml").write_text(settings + f"enabled = {str(wanted).lower()}\n", encoding="utf-8")
            command = ["target/release/twinset", "run", str(folder / "twinset.toml"), "--out", str(folder / f"out{run}"), "--device", "cpu"]
            load, start = os.getloadavg()[0], time.perf_counter()
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            path = process.stdout.read().strip()
            _, status, usage = os.wait4(process.pid, 0)
            assert status == 0, command
            manifest = json.loads(Path(path).read_text())
            scoring = next(stage for stage in manifest["timings"] if stage["stage"] == "scoring")
            result = {"rows": int(count), "dimension": vectors.shape[1], "kind": kind or "noise", "duplicates": wanted, "load": load}
            result |= {"wall": round(time.perf_counter() - start, 2), "cpu": round(usage.ru_utime + usage.ru_stime, 2)}
            result |= {"peak_mib": usage.ru_maxrss >> 10, "scoring": scoring, "pairs": manifest["similarity"]["pairs_on_cpu"]}
            print(json.dumps(result | {"found": manifest["counts"]["duplicates"]}), flush=True)


if __name__ == "__main__":
    sys.exit(main())
