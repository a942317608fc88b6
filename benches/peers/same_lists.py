"""Whether two programs found the same neighbors: prints JSON, and fails where they did not.

    same_lists.py VECTORS.npy LISTS OTHER --k 20

Two lists agree where, place by place, the ids are equal or the two candidates are as near to within 1e-6; how near is
computed here in f64, so that neither program vouches for itself. No list may name a row twice or the row itself.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

TIE = 1e-6


def read(path: Path, rows: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    data = path.read_bytes()
    if len(data) != rows * k * 8:
        raise SystemExit(f"`{path}` has {len(data)} bytes, not lists of {k} for {rows} rows")
    ids, scores = (np.frombuffer(data, kind, rows * k, start) for kind, start in (("<u4", 0), ("<f4", rows * k * 4)))
    return ids.reshape(rows, k), scores.reshape(rows, k)


def unit(x: np.ndarray) -> np.ndarray:
    x = x.astype(np.float64)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def main() -> int:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("vectors", type=Path)
    cli.add_argument("lists", type=Path, nargs=2)
    cli.add_argument("--k", type=int, default=20)
    args = cli.parse_args()
    x = np.load(args.vectors, mmap_mode="r")
    (one, one_scores), (other, other_scores) = (read(path, len(x), args.k) for path in args.lists)
    malformed = 0
    for ids in (one, other):
        in_order = np.sort(ids, axis=1)
        wrong = (in_order[:, 1:] == in_order[:, :-1]).any(axis=1) | (ids == np.arange(len(x))[:, None]).any(axis=1)
        malformed += int((wrong | (in_order[:, -1] >= len(x))).sum())
    differ = np.argwhere(one != other) if not malformed else np.zeros((0, 2), int)
    apart = np.zeros(len(differ))
    for first in range(0, len(differ), 10_000):
        row, place = differ[first : first + 10_000].T
        own, its, others = (unit(x[rows]) for rows in (row, one[row, place], other[row, place]))
        apart[first : first + 10_000] = np.abs(np.einsum("nd,nd->n", own, its - others))
    said = {
        "lists": len(x),
        "malformed": malformed,
        "different_places": len(differ),
        "different_beyond_ties": int((apart > TIE).sum()),
        "largest_gap": float(apart.max(initial=0.0)),
        "largest_score_difference": float(np.abs(one_scores - other_scores).max()),
    }
    print(json.dumps(said))
    return int(malformed > 0 or said["different_beyond_ties"] > 0)


if __name__ == "__main__":
    sys.exit(main())
