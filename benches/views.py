"""What several images of a product add to its vector, by what people said of products; prints a table for docs/views.md and JSON.

    benches/views.py SHOPS [--results FILE]

SHOPS is the folder of shops. Three of them have products with several images: OpenCart has further photos of the same product, Magento
Luma and Spree one photo for each color. Vectors are those that `twinset run` publishes of each image; here they become `first`, `mean` and
`best` as docs/views.md says. Each product asks all others; mAP is the mean average precision of those of the same category, or of those
that the shop's people linked. Differences to `first` are paired, with 95 % bootstrap intervals over products.

Needs `cargo build --release --bin twinset`, NumPy and PyArrow.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np

from truths import RESAMPLES, SEED, published, table

FURTHER = {
    "opencart": ("views.csv", "product_id"),
    "magento_luma": ("variants.csv", "parent_id"),
    "spree": ("variants.csv", "parent_id"),
}


def views(shops: Path, shop: str) -> dict[str, list[str]]:
    """The images of every product that has one, each once, its own first."""
    images = {row["id"]: [row["image"]] for row in table(shops / shop / "products.csv") if row["image"]}
    file, product = FURTHER[shop]
    for row in table(shops / shop / file):
        own = images.get(row[product], [])
        if row["image"] and own and row["image"] not in own:
            own.append(row["image"])
    return images


def truths(shops: Path, shop: str, products: list[str]) -> dict[str, dict[str, set[str]]]:
    """What is right for each product, by the name of the truth."""
    category = {row["id"]: row["category"] for row in table(shops / shop / "products.csv") if row["category"]}
    known = [product for product in products if product in category]
    found = {"same category": {a: {b for b in known if b != a and category[b] == category[a]} for a in known}}
    if shop == "magento_luma":
        for row in table(shops / shop / "links.csv"):
            if row["kind"] in ("upsell", "related") and {row["product"], row["linked_product"]} <= set(products):
                found.setdefault(f"{row['kind']} links", {}).setdefault(row["product"], set()).add(row["linked_product"])
    return found


def similarities(vectors: list[np.ndarray], way: str) -> np.ndarray:
    """Of all pairs of products, each with the vectors of its images."""
    if way == "first":
        x = np.array([of[0] for of in vectors])
    elif way == "mean":
        x = np.array([of.sum(axis=0) for of in vectors])
    else:
        starts = np.cumsum([0, *(len(of) for of in vectors)])[:-1]
        of_all = np.concatenate(vectors)
        return np.maximum.reduceat(np.maximum.reduceat(of_all @ of_all.T, starts, axis=0), starts, axis=1)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return x @ x.T


def precisions(similar: np.ndarray, products: list[str], right: dict[str, set[str]]) -> np.ndarray:
    """The average precision of every product for which something is right."""
    found = []
    for at, product in enumerate(products):
        if not right.get(product):
            continue
        order = np.argsort(-similar[at], kind="stable")
        is_right = np.array([products[other] in right[product] for other in order if other != at])
        places = np.flatnonzero(is_right) + 1
        found.append((np.arange(1, len(places) + 1) / places).mean())
    return np.array(found)


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("shops", type=Path)
    cli.add_argument("--results", type=Path)
    args = cli.parse_args()
    r = np.random.default_rng(SEED)
    print("| shop, truth | products, images | quality | `first` | `mean` | `best` |\n|---|---|---|---|---|---|")
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for shop in FURTHER:
            images = views(args.shops, shop)
            products, all_images = sorted(images), sorted({image for own in images.values() for image in own})
            for quality in ("standard", "high"):
                of_image = published(args.shops, shop, quality, all_images, Path(folder))
                vectors = [np.array([of_image[image] for image in images[product]]) for product in products]
                for truth, right in truths(args.shops, shop, products).items():
                    base = precisions(similarities(vectors, "first"), products, right)
                    sample = r.integers(0, len(base), (RESAMPLES, len(base)))
                    cells = [f"{base.mean():.3f}"]
                    for way in ("first", "mean", "best"):
                        own = precisions(similarities(vectors, way), products, right)
                        low, high = np.percentile((own - base)[sample].mean(axis=1), [2.5, 97.5])
                        result = {"shop": shop, "truth": truth, "products": len(base), "images": len(all_images), "quality": quality}
                        result |= {"views": way, "value": own.mean()}
                        results.append({**result, "difference": (own - base).mean(), "low": low, "high": high})
                        if way != "first":
                            cells.append(f"{own.mean():.3f} [{low:+.3f}, {high:+.3f}]")
                    print(f"| {shop}, {truth} | {len(base)}, {len(all_images)} | {quality} | {' | '.join(cells)} |")
    if args.results:
        args.results.write_text("".join(json.dumps(result) + "\n" for result in results), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
