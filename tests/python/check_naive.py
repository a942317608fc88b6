"""Recomputes every list of the three default rules with NumPy from the published vectors, and compares exactly.

    check_naive.py OUT_DIR PRODUCTS_CSV [--limit 10] [--currency USD]

Needs `[output] embeddings = true`. All pairs are scored (memory: 80 bytes a pair), so it is for small shops.
Ids, their order and the bits of `similarity` must be equal; `score` may be one float32 step off, because this script
takes logarithms and exponentials from another library. Eligibility comes from `default_rules.py`.
"""

import argparse
import json
import math
import sys
from pathlib import Path

import numpy as np

import default_rules

POOL = 5  # pool = 5 x limit
SIMILARITY_WEIGHT, FIT_WEIGHT = 1.0, 0.3
BEST_RATIO, SPREAD = 1.25, math.log(1.2)


def vectors(con, out: Path) -> tuple[dict[int, int], np.ndarray]:
    """The published vectors in the order of the products' rows: row -> place, and the matrix."""
    default_rules.tables(con, out, ["embeddings"])
    rows = con.execute("select row, embedding from embeddings join product on id = product_id order by row").fetchall()
    published = con.execute("select count(*) from embeddings").fetchone()[0]
    if published != len(rows):
        raise SystemExit(f"{published} published vectors, {len(rows)} of them belong to a product of the catalog")
    return {row: place for place, (row, _) in enumerate(rows)}, np.array([v for _, v in rows], dtype=np.float32)


def canonical_scores(x: np.ndarray) -> np.ndarray:
    """All canonical scores: element i into sum i mod 8, ((0+4)+(2+6))+((1+5)+(3+7)), clamped, rounded once."""
    n, d = x.shape
    wide = np.zeros((n, -(-d // 8) * 8))
    wide[:, :d] = x  # float64; the padding adds exact zeros to the last elements' sums
    result = np.empty((n, n), np.float32)
    for start in range(0, n, 64):
        rows = wide[start : start + 64]
        sums = np.zeros((len(rows), n, 8))
        for at in range(0, wide.shape[1], 8):  # in order: NumPy's own reductions would add pairwise
            sums += rows[:, None, at : at + 8] * wide[None, :, at : at + 8]
        s = np.moveaxis(sums, 2, 0)
        total = ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]))
        result[start : start + 64] = np.clip(total, -1.0, 1.0).astype(np.float32)
    return result


def upsell_score(similarity: np.float32, price, candidate_price) -> np.float32:
    """The weighted mean of similarity and price fit, in float64 from the rounded similarity, rounded once."""
    fit = 0.0
    if price and candidate_price:
        ratio = float(candidate_price.scaleb(4)) / float(price.scaleb(4))
        fit = math.exp(-(math.log(ratio / BEST_RATIO) ** 2) / (2.0 * SPREAD**2))
    mean = (SIMILARITY_WEIGHT * float(similarity) + FIT_WEIGHT * fit) / (SIMILARITY_WEIGHT + FIT_WEIGHT)
    return np.float32(mean)


def naive_list(rule, anchor, candidates, similarity, products, limit):
    """One list as (candidate row, similarity, score): the best variant of each group, the pool, the rank, the cut."""
    by_likeness = sorted(candidates, key=lambda c: (-similarity[c], products[c]["id"].encode()))
    entries, seen = [], set()
    for c in by_likeness:
        if products[c]["grp"] not in seen:
            seen.add(products[c]["grp"])
            entries.append(c)
    if rule != "upsell":
        return [(c, similarity[c], similarity[c]) for c in entries[:limit]]
    pool = [
        (c, similarity[c], upsell_score(similarity[c], products[anchor]["price"], products[c]["price"]))
        for c in entries[: POOL * limit]
    ]
    pool.sort(key=lambda e: (-e[2], -e[1], products[e[0]]["id"].encode()))
    return pool[:limit]


def one_step(a: np.float32, b: np.float32) -> bool:
    """Equal, or neighbors among the float32 numbers."""
    return a == b or np.nextafter(a, b) == b


def main() -> int:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("out", type=Path)
    cli.add_argument("catalog", type=Path)
    cli.add_argument("--limit", type=int, default=10)
    cli.add_argument("--currency", help="the currency of rows that name none")
    args = cli.parse_args()
    con = default_rules.load(args.out, args.catalog, args.currency)
    place, matrix = vectors(con, args.out)
    with_vector = {row for (row,) in con.execute("select row from product where has_vector").fetchall()}
    if with_vector != set(place):
        print(
            f"NOT SO: vectors for the products with a usable image: rows {sorted(with_vector ^ set(place))[:5]}",
            file=sys.stderr,
        )
        return 1
    norms = np.sqrt((matrix.astype(np.float64) ** 2).sum(axis=1))
    if not np.isfinite(matrix).all() or len(norms) and abs(norms - 1.0).max() > 1e-6:
        print("NOT SO: every vector is finite and of length 1", file=sys.stderr)
        return 1
    scores = canonical_scores(matrix)

    columns = ("row", "id", "grp", "price")
    products = {
        r[0]: dict(zip(columns, r)) for r in con.execute(f"select {', '.join(columns)} from product").fetchall()
    }
    allowed: dict[tuple[str, int], list[int]] = {}
    for rule, anchor, candidate in con.execute("select rule, a, c from pair").fetchall():
        allowed.setdefault((rule, anchor), []).append(candidate)
    published: dict[tuple[str, str], list] = {}
    for rule, anchor, *entry in con.execute(
        "select rule, product_id, recommended_id, similarity, score from recommendations "
        "order by rule, product_id, rank"
    ).fetchall():
        published.setdefault((rule, anchor), []).append(entry)

    lists = entries = inexact = wrong = 0
    for rule in default_rules.RULES:
        for row, product in products.items():
            candidates = allowed.get((rule, row), [])
            similarity = {c: scores[place[row], place[c]] for c in candidates}
            expected = naive_list(rule, row, candidates, similarity, products, args.limit)
            found = published.pop((rule, product["id"]), [])
            lists += 1
            entries += len(expected)
            inexact += sum(np.float32(f[2]) != e[2] for e, f in zip(expected, found))
            same = [products[e[0]]["id"] for e in expected] == [f[0] for f in found] and all(
                np.float32(f[1]).tobytes() == e[1].tobytes() and one_step(np.float32(f[2]), e[2])
                for e, f in zip(expected, found)
            )
            if not same:
                wrong += 1
                if wrong <= 3:
                    print(f"NOT SO: {rule} of `{product['id']}`, expected and published:", file=sys.stderr)
                    for i in range(max(len(expected), len(found))):
                        e = (
                            (products[expected[i][0]]["id"], *map(float, expected[i][1:]))
                            if i < len(expected)
                            else None
                        )
                        print("   ", i + 1, e, tuple(found[i]) if i < len(found) else None, file=sys.stderr)
    if published:
        wrong += len(published)
        print(f"NOT SO: lists only where a rule serves a product: {list(published)[:5]}", file=sys.stderr)
    print(
        json.dumps(
            {
                "vectors": len(matrix),
                "dimension": int(matrix.shape[1]) if len(matrix) else 0,
                "pairs_scored": len(matrix) ** 2,
                "lists": lists,
                "entries": entries,
                "scores_one_step_off": int(inexact),
                "wrong_lists": wrong,
            }
        )
    )
    return 1 if wrong or not entries else 0


if __name__ == "__main__":
    sys.exit(main())
