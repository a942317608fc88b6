"""What vectors know, by what people said of photos of real shops; prints a table for the README and JSON of everything.

    benches/truths.py SHOPS [--results FILE]

SHOPS is the folder of shops. Three truths: the same label (of a garment, or a category), the same product in another color, the same
product in another view. Each photo asks all others of its shop; P@10 is the share of the ten nearest that are right, mAP the mean
average precision. Vectors are those that `twinset run` publishes under `quality = "standard"` and `"high"`; beside them stands the
smaller network as it is, without a mean, and `standard` with a mean that was fitted without the shop that is measured, because
the mean in the program saw these photos. Differences to the network as it is are paired, with 95 % bootstrap intervals over photos.

Needs `cargo build --release --bin twinset --example raw_features`, NumPy and PyArrow.
"""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow.dataset as ds

RESAMPLES, SEED = 2000, 20261126
PHONE = "clothing"


def table(path: Path) -> list[dict]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def first_label(rows: list[dict], label: str, image: str = "image") -> dict[str, str]:
    """The label of every image that has one; an image that several rows show has the first row's."""
    labels: dict[str, str] = {}
    for row in rows:
        if row[image] and row[label]:
            labels.setdefault(row[image], row[label])
    return labels


def truths(shops: Path) -> list[tuple[str, str, dict[str, str], dict[str, str] | None, bool]]:
    """Name, shop, label by image, who must differ by image, whether P@10 is meant instead of mAP."""
    read = lambda shop, file: table(shops / shop / file)
    clothing = read(PHONE, "products.csv")
    views = first_label(read("opencart", "products.csv"), "id")
    for image, product in first_label(read("opencart", "views.csv"), "product_id").items():
        views.setdefault(image, product)
    labels, senders = first_label(clothing, "category"), first_label(clothing, "sender_id")
    found = [
        ("clothing: same label, P@10", PHONE, labels, None, True),
        ("clothing: same label, another photographer, P@10", PHONE, labels, senders, True),
    ]
    for shop in ("magento_luma", "spree"):
        found.append((f"{shop}: another color, mAP", shop, first_label(read(shop, "variants.csv"), "parent_id"), None, False))
    found.append(("opencart: another view, mAP", "opencart", views, None, False))
    for shop in ("magento_luma", "spree", "opencart"):
        found.append((f"{shop}: same category, mAP", shop, first_label(read(shop, "products.csv"), "category"), None, False))
    return found


def published(shops: Path, shop: str, quality: str, images: list[str], work: Path) -> dict[str, np.ndarray]:
    """The vectors of images by the program, each image a product."""
    folder = work / f"{shop}-{quality}"
    folder.mkdir()
    with (folder / "products.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["id", "image"], *([image, image] for image in images)])
    settings = f'[catalog]\npath = "products.csv"\nimages = {json.dumps(str((shops / shop).resolve()))}\n'
    settings += f'[embedding]\nquality = "{quality}"\n[output]\nembeddings = true\n'
    settings += '[[rule]]\nname = "similar"\nrelation = "similar"\ncandidates = "any"\n'
    (folder / "twinset.toml").write_text(settings, encoding="utf-8")
    command = ["target/release/twinset", "run", str(folder / "twinset.toml"), "--out", str(folder / "out"), "--device", "cpu"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    rows = ds.dataset(folder / "out/embeddings", format="parquet").to_table(columns=["product_id", "embedding"])
    vectors = np.array(rows["embedding"].to_pylist(), np.float64)
    return dict(zip(rows["product_id"].to_pylist(), vectors))


def raw(shops: Path, shop: str, images: list[str], work: Path) -> dict[str, np.ndarray]:
    paths, out = work / "list", work / "features"
    paths.write_text("".join(f"{shops / shop / image}\n" for image in images), encoding="utf-8")
    subprocess.run(["target/release/examples/raw_features", "lite0", str(paths), str(out)], check=True)
    return dict(zip(images, np.fromfile(out, "<f4").reshape(len(images), -1).astype(np.float64)))


def scores(vectors: dict, labels: dict, differ: dict | None, precision: bool) -> np.ndarray:
    images = sorted(labels)
    x = np.array([vectors[image] for image in images])
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    label = np.array([labels[image] for image in images])
    other = np.array([differ[image] for image in images]) if differ else None
    found = []
    for at, cosines in enumerate(x @ x.T):
        asked = np.arange(len(images)) != at
        if other is not None:
            asked &= other != other[at]
        order = np.flatnonzero(asked)
        order = order[np.argsort(-cosines[order], kind="stable")]
        right = label[order] == label[at]
        if not right.any():
            continue
        places = np.flatnonzero(right) + 1
        found.append(right[:10].mean() if precision else (np.arange(1, len(places) + 1) / places).mean())
    return np.array(found)


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("shops", type=Path)
    cli.add_argument("--results", type=Path)
    args = cli.parse_args()
    all_truths = truths(args.shops)
    images: dict[str, set[str]] = {}
    for _, shop, labels, _, _ in all_truths:
        images.setdefault(shop, set()).update(labels)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        plain = {shop: raw(args.shops, shop, sorted(names), work) for shop, names in images.items()}
        of_shop = {shop: np.mean(list(vectors.values()), axis=0) for shop, vectors in plain.items()}
        others = lambda shop: np.mean([mean for name, mean in of_shop.items() if name != shop], axis=0)
        ways = {
            "network alone": plain,
            "standard, mean of other shops": {
                shop: {image: row - others(shop) for image, row in vectors.items()} for shop, vectors in plain.items()
            },
        }
        for quality in ("standard", "high"):
            ways[quality] = {s: published(args.shops, s, quality, sorted(names), work) for s, names in images.items()}
    r = np.random.default_rng(SEED)
    print(f"| truth | photos | {' | '.join(ways)} |\n|---|---|{'---|' * len(ways)}")
    results = []
    for name, shop, labels, differ, precision in all_truths:
        base = scores(plain[shop], labels, differ, precision)
        sample = r.integers(0, len(base), (RESAMPLES, len(base)))
        cells = []
        for way, vectors in ways.items():
            own = scores(vectors[shop], labels, differ, precision)
            low, high = np.percentile((own - base)[sample].mean(axis=1), [2.5, 97.5])
            result = {"truth": name, "photos": len(base), "way": way, "value": own.mean()}
            results.append({**result, "difference": (own - base).mean(), "low": low, "high": high})
            cells.append(f"{own.mean():.3f}" if way == "network alone" else f"{own.mean():.3f} [{low:+.3f}, {high:+.3f}]")
        print(f"| {name} | {len(base)} | {' | '.join(cells)} |")
    if args.results:
        args.results.write_text("".join(json.dumps(result) + "\n" for result in results), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
