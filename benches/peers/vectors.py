"""Writes the vectors that the benches search: seeded, so that every machine gets the same shop up to rounding.

    vectors.py clustered N D           made-up looks in clusters
    vectors.py photos N --vectors DIR  a larger shop made of the embeddings that `twinset run` published into DIR
    vectors.py catalog N D --gen PATH  a catalog with categories, prices and a vector column, by the peer's generator
    vectors.py look FILE...            what a file looks like: mean cosine, cosine to the 20th neighbor

The first two write little-endian f32 as `.npy`, row by row, every row of length 1; the smaller file is the beginning
of the larger. Nothing is written again that is there.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path
from typing import Callable

import numpy as np

WORK = Path("benches/peers/.work")
SEED, BLOCK = 20261122, 10_000

# Looks come in clusters whose sizes follow Zipf's law, as categories and styles do.
CLUSTERS, RANK = 500, 16
# What of a vector's squared length comes from all looks, its cluster, its style within the cluster, itself alone.
# Found by trial: mean cosine 0.12, median cosine to the 20th neighbor 0.69 among 50,000 rows and 0.77 among 200,000
# (D = 512).
COMMON, CENTER, STYLE, NOISE = 0.10, 0.15, 0.68, 0.07
STYLE_DECAY = 0.82

# A photo of the larger shop is a real one, mixed with one of its nearest and with noise, whose length varies because
# some products are more unusual than others. Chosen so that neighbors come nearer with N as they do among the real
# photos: from 75 to 603 of those the median angle to the nearest falls by 2 degrees whenever N doubles, which leads
# to a median cosine to the 20th neighbor of 0.74 among 50,000 rows and 0.78 among 200,000.
PARTNERS, LARGEST_SHARE, SHORTEST_NOISE, LONGEST_NOISE = 30, 0.7, 0.3, 0.9


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def clustered(dimension: int) -> Callable[[np.random.Generator], np.ndarray]:
    """Makes one block: common direction, cluster center, style of rank 16, isotropic noise; spectra decay."""
    r = np.random.default_rng([SEED, dimension])
    common = unit(r.standard_normal(dimension))
    spectrum = (1.0 + np.arange(dimension)) ** -0.5
    rotation = np.linalg.qr(r.standard_normal((dimension, dimension)))[0]
    centers = unit(unit(r.standard_normal((CLUSTERS, dimension)) * spectrum) @ rotation)
    scale = unit(STYLE_DECAY ** np.arange(RANK))
    styles = r.standard_normal((CLUSTERS, RANK, dimension)) / np.sqrt(dimension) * scale[:, None]
    share = 1.0 / np.arange(1, CLUSTERS + 1)

    def block(r: np.random.Generator) -> np.ndarray:
        cluster = r.choice(CLUSTERS, BLOCK, p=share / share.sum())
        style = r.standard_normal((BLOCK, RANK))
        x = COMMON**0.5 * common + CENTER**0.5 * centers[cluster]
        for c in np.unique(cluster):
            rows = np.flatnonzero(cluster == c)
            x[rows] += STYLE**0.5 * (style[rows] @ styles[c])
        return x + (NOISE / dimension) ** 0.5 * r.standard_normal((BLOCK, dimension))

    return block


def photos(published: Path) -> tuple[int, Callable[[np.random.Generator], np.ndarray]]:
    """Makes one block of mixtures of real photos; also says their dimension."""
    import pyarrow.dataset as ds

    files = sorted(map(str, published.glob("embeddings/run_date=*/*.parquet")))
    if not files:
        raise SystemExit(f"no embeddings in `{published}`: run twinset there with `[output] embeddings = true`")
    table = ds.dataset(files, format="parquet").to_table(columns=["product_id", "embedding"]).sort_by("product_id")
    real = unit(np.array(table["embedding"].to_pylist(), np.float64))
    partners = np.argsort(-(real @ real.T), axis=1, kind="stable")[:, 1 : PARTNERS + 1]

    def block(r: np.random.Generator) -> np.ndarray:
        photo = r.integers(0, len(real), BLOCK)
        partner = partners[photo, r.integers(0, PARTNERS, BLOCK)]
        share = r.uniform(0, LARGEST_SHARE, (BLOCK, 1))
        length = r.uniform(SHORTEST_NOISE, LONGEST_NOISE, (BLOCK, 1))
        noise = r.standard_normal((BLOCK, real.shape[1])) / np.sqrt(real.shape[1])
        return unit((1 - share) * real[photo] + share * real[partner]) + length * noise

    return real.shape[1], block


def write(path: Path, rows: int, dimension: int, block: Callable[[np.random.Generator], np.ndarray]) -> None:
    """Block by block, so that memory does not grow with the rows; under another name until it is whole."""
    unfinished = path.with_suffix(".unfinished")
    out = np.lib.format.open_memmap(unfinished, "w+", "<f4", (rows, dimension), version=(1, 0))
    for number, first in enumerate(range(0, rows, BLOCK)):
        last = min(rows, first + BLOCK)
        out[first:last] = unit(block(np.random.default_rng([SEED, number])))[: last - first]
    out.flush()
    os.replace(unfinished, path)


def catalog(rows: int, dimension: int, generator: Path) -> Path:
    """Without variant groups: the peer does not collapse the variants of others, so lists would not be comparable."""
    import pyarrow.parquet as pq

    path = WORK / f"catalog_{rows}x{dimension}.parquet"
    if not path.exists():
        made = WORK / f"synth_{rows}_{dimension}.parquet"
        if not made.exists():
            subprocess.run([sys.executable, str(generator), str(rows), str(dimension), str(WORK)], check=True)
        file = pq.ParquetFile(made)
        kept = [name for name in file.schema_arrow.names if name != "group_id"]
        unfinished = path.with_suffix(".unfinished")
        schema = file.schema_arrow.remove(file.schema_arrow.names.index("group_id"))
        with pq.ParquetWriter(unfinished, schema, compression="zstd", use_dictionary=["category", "currency"]) as out:
            for part in range(file.num_row_groups):
                out.write_table(file.read_row_group(part, columns=kept))
        os.replace(unfinished, path)
        made.unlink()
    return path


def look(path: Path, sample: int = 400) -> str:
    """Sampled rows against all."""
    x = np.load(path, mmap_mode="r")
    rows = np.sort(np.random.default_rng(1).choice(len(x), min(sample, len(x)), replace=False))
    cosines = np.concatenate([x[rows] @ x[a : a + BLOCK].T for a in range(0, len(x), BLOCK)], axis=1)
    cosines[np.arange(len(rows)), rows] = np.nan
    mean = np.nanmean(cosines)
    cosines[np.arange(len(rows)), rows] = -2
    low, median, high = np.percentile(np.partition(cosines, -20, axis=1)[:, -20], [5, 50, 95])
    return (
        f"{path}: {x.shape[0]} x {x.shape[1]}, mean cosine {mean:.3f}, "
        f"20th neighbor {median:.3f} (5 to 95 %: {low:.3f} to {high:.3f})"
    )


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = cli.add_subparsers(dest="kind", required=True)
    for kind in ("clustered", "photos", "catalog"):
        kinds.add_parser(kind).add_argument("rows", type=int)
    kinds.choices["clustered"].add_argument("dimension", type=int, nargs="?", default=512)
    kinds.choices["photos"].add_argument("--vectors", type=Path, default=WORK / "clothing-vectors")
    kinds.choices["catalog"].add_argument("dimension", type=int, nargs="?", default=512)
    kinds.choices["catalog"].add_argument("--gen", type=Path, required=True)
    kinds.add_parser("look").add_argument("files", type=Path, nargs="+")
    args = cli.parse_args()
    if args.kind == "look":
        for file in args.files:
            print(look(file))
        return
    if args.kind == "catalog":
        print(catalog(args.rows, args.dimension, args.gen))
        return
    dimension, block = (args.dimension, clustered(args.dimension)) if args.kind == "clustered" else photos(args.vectors)
    path = WORK / f"{args.kind}_{args.rows}x{dimension}.npy"
    if not path.exists():
        write(path, args.rows, dimension, block)
    print(path)


if __name__ == "__main__":
    main()
