"""All pairs by faiss IndexFlatIP: the counterpart of examples/all_pairs.rs, with the same output.

    faiss_flat.py VECTORS.npy --k 20 --threads 2 --out LISTS

The rows have length 1, so that inner products are cosines. Every row finds itself; it is searched for k + 1 and taken
out. Only the searches are timed: neither reading nor filling the index. Queries go in batches that are a multiple of
faiss's own blocks of 4,096, so that memory does not grow with the results.
"""

import argparse
import json
import resource
import time
from pathlib import Path

import faiss
import numpy as np

BATCH = 4 * 4096


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("vectors", type=Path)
    cli.add_argument("--k", type=int, default=20)
    cli.add_argument("--threads", type=int, default=2)
    cli.add_argument("--out", type=Path)
    args = cli.parse_args()
    faiss.omp_set_num_threads(args.threads)
    started = time.perf_counter()
    x = np.load(args.vectors)
    rows, dimension = x.shape
    index = faiss.IndexFlatIP(dimension)
    index.add(x)
    ids = np.full((rows, args.k), 2**32 - 1, np.uint32)
    scores = np.full((rows, args.k), np.nan, np.float32)
    load = time.perf_counter() - started

    wall = cpu = 0.0
    for first in range(0, rows, BATCH):
        before = (time.perf_counter(), cpu_seconds())
        found_scores, found = index.search(x[first : first + BATCH], args.k + 1)
        wall, cpu = wall + time.perf_counter() - before[0], cpu + cpu_seconds() - before[1]
        own = found == np.arange(first, first + len(found))[:, None]
        own[~own.any(axis=1), -1] = True  # as near as k + 1 others: the last one goes
        kept = ~own & (found >= 0)
        at, place = np.nonzero(kept)[0], (np.cumsum(kept, axis=1) - 1)[kept]
        ids[first + at, place], scores[first + at, place] = found[kept], found_scores[kept]
    said = {
        "rows": rows,
        "dimension": dimension,
        "k": args.k,
        "threads": args.threads,
        "load_s": load,
        "wall_s": wall,
        "cpu_s": cpu,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(json.dumps(said))
    if args.out:
        args.out.write_bytes(ids.tobytes() + scores.tobytes())


if __name__ == "__main__":
    main()
