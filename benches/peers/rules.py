"""What ranking, caps, pins and placements cost beside the same night without them: twinset alone, in turn, every run kept.

Called by run.sh from the repository's root, on the catalog of rows.py with brands and costs beside its columns. Both
nights have the three default rules; the second ranks by margin, caps brands in every list, has 10,000 pins and 10,000
blocks, and publishes a page of eight slots for every product. The same process does all of it, so its stages say what
each part costs: the engine is `scoring`, everything that is decided after it is in `writing`.
"""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import measure
from all_pairs import made
from rows import stages_of_twinset

BRANDS, DECISIONS, SEED = 200, 10_000, 20261126

PLAIN = """
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
price_ratio = { above = 1.0, up_to = 2.0 }
rank = { similarity = 1.0, price_fit = { weight = 0.3, best_ratio = 1.25 } }
"""

CAPS = "diversity = { max_per = { brand = 3 } }\n"
FULL = PLAIN.replace('best_ratio = 1.25 } }', 'best_ratio = 1.25 }, margin = 0.2 }')
FULL = FULL.replace("\n\n[[rule]]", f"\n{CAPS}\n[[rule]]").rstrip() + "\n" + CAPS


def with_brands(table: Path) -> Path:
    """The catalog with a brand and a cost in every row, and the file of pins and blocks beside it."""
    path = table.with_name(table.stem + "-brands.parquet")
    decisions = path.with_suffix(".csv")
    if path.exists() and decisions.exists():
        return path
    shop, r = pq.read_table(table), np.random.default_rng(SEED)
    n = shop.num_rows
    # Brands sell by Zipf's law; the variants of a product are of one.
    share = 1.0 / np.arange(1, BRANDS + 1)
    brands = r.choice(BRANDS, n, p=share / share.sum())
    groups = shop["group_id"].to_pylist() if "group_id" in shop.column_names else [None] * n
    first: dict[str, int] = {}
    brands = [first.setdefault(group, brand) if group else brand for group, brand in zip(groups, brands)]
    price = [float(p) if p is not None else 0.0 for p in shop["price"].to_pylist()]
    costs = [f"{p * s:.2f}" for p, s in zip(price, r.uniform(0.3, 0.9, n))]
    shop = shop.append_column("brand", pa.array([f"brand-{b}" for b in brands]))
    shop = shop.append_column("cost", pa.array(costs))
    pq.write_table(shop, path)
    ids = shop["id"].to_pylist()
    pick = lambda: r.integers(0, n, DECISIONS)
    lines = ["action,product,rule,recommended,position"]
    lines += [f"pin,{ids[a]},,{ids[b]},{p}" for a, b, p in zip(pick(), pick(), r.integers(1, 6, DECISIONS))]
    lines += [f"block,{ids[a]},,{ids[b]}," for a, b in zip(pick(), pick())]
    decisions.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def settings(table: Path, full: bool) -> Path:
    path = measure.WORK / f"{table.stem}-{'full' if full else 'plain'}.toml"
    text = f"""[catalog]
path = "{table.name}"

[embedding]
kind = "column"

[similarity]
device = "cpu"

[output]
placements = {str(full).lower()}
"""
    if full:
        text += f'\n[merchandising]\npath = "{table.with_suffix(".csv").name}"\n'
    path.write_text(text + (FULL if full else PLAIN), encoding="utf-8")
    return path


def main() -> int:
    cli = measure.arguments(__doc__)
    cli.add_argument("--peer", type=Path, required=True, help="its generator lies beside it")
    cli.add_argument("--rows", default="200000")
    cli.add_argument("--dimension", default="512")
    args = cli.parse_args()
    about = measure.host()
    table = with_brands(made("catalog", args.rows, args.dimension, "--gen", str(args.peer.with_name("gen.py"))))
    for run in range(0, args.runs + 1):
        for name in measure.in_turn(["plain", "full"], run):
            out = measure.WORK / f"rules-{name}"
            shutil.rmtree(out, ignore_errors=True)
            command = measure.twinset(settings(table, name == "full"), out, args.threads)
            figures = measure.timed(command, measure.WORK / f"rules-{name}.log")
            if run > 0:
                stages = stages_of_twinset(out)
                (manifest,) = out.glob("runs/*.json")
                counts = json.loads(manifest.read_text(encoding="utf-8"))["counts"]
                rows = {name: counts[name] for name in ("recommendations", "placements")}
                result = {"bench": "rules", "data": table.stem, "program": name, "run": run, **figures}
                measure.keep({**result, "stages": stages, **rows, **about}, args.results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
