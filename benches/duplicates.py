"""How alike vectors find changed copies of a picture, and how alike different products: what decides `[duplicates] min_similarity`.

    benches/duplicates.py SHOPS [--results FILE] [--top FOLDER]

SHOPS is the folder of shops. Of every picture are made changed copies by fixed rules (`CHANGES`), saved as JPEG at quality 90 where the
rule says nothing else. Vectors are those that `twinset run` publishes under `quality = "standard"` and `"high"`. Printed are, of each
change, the similarity of copy and original, of each shop, the similarity of each original and the nearest one of another group, and,
for each threshold, the share of copies found and the pairs of originals of different groups that would be listed. With `--top`, the most similar
of those pairs are drawn side by side there, for a look at what is wrong about them.

Needs `cargo build --release`, NumPy, Pillow and PyArrow.
"""

import argparse
import csv
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from truths import PHONE, first_label, published, table

THRESHOLDS = [0.80, 0.85, 0.88, 0.90, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99]
QUANTILES = [0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1]


def drawn_on(picture: Image.Image) -> Image.Image:
    """A badge in the upper left corner, as shops draw one: a seventh of the width, 2 to 3 % of the picture."""
    picture = picture.copy()
    side = picture.width // 7
    draw = ImageDraw.Draw(picture)
    draw.rectangle([side // 4, side // 4, side // 4 + side, side // 4 + side], fill=(200, 30, 40))
    draw.text((side // 3, side // 2), "SALE", fill=(255, 255, 255), font_size=max(side // 3, 8))
    return picture


def cropped(picture: Image.Image) -> Image.Image:
    """Without 3 % on each side."""
    x, y = round(picture.width * 0.03), round(picture.height * 0.03)
    return picture.crop((x, y, picture.width - x, picture.height - y))


CHANGES = {
    "jpeg 50": lambda picture: picture,
    "half size": lambda picture: picture.resize((max(picture.width // 2, 1), max(picture.height // 2, 1)), Image.Resampling.LANCZOS),
    "crop 3 %": cropped,
    "brighter 10 %": lambda picture: ImageEnhance.Brightness(picture).enhance(1.1),
    "badge": drawn_on,
    "mirrored": ImageOps.mirror,
}


def groups(shops: Path) -> dict[str, dict[str, str]]:
    """Per shop, the product that each picture shows. Variants are one product; of clothing, each photo is one."""
    read = lambda shop, file: table(shops / shop / file)
    found = {PHONE: first_label(read(PHONE, "products.csv"), "id")}
    for shop, file, product in (("magento_luma", "variants.csv", "parent_id"), ("spree", "variants.csv", "parent_id"), ("opencart", "views.csv", "product_id")):
        of = first_label(read(shop, "products.csv"), "id")
        for image, label in first_label(read(shop, file), product).items():
            of.setdefault(image, label)
        found[shop] = of
    return found


def make_copies(root: Path, folder: Path, images: list[str]) -> list[str]:
    """Originals as they are and their changed copies below `folder`; the paths of all."""
    paths = []
    for image in images:
        original = folder / "original" / image
        original.parent.mkdir(parents=True, exist_ok=True)
        original.write_bytes((root / image).read_bytes())
        paths.append(f"original/{image}")
        picture = ImageOps.exif_transpose(Image.open(original))
        if picture.mode in ("P", "LA", "RGBA"):
            picture = picture.convert("RGBA")
            picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
        picture = picture.convert("RGB")
        for change, apply in CHANGES.items():
            path = f"{change}/{image}.jpg"
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            apply(picture).save(folder / path, quality=50 if change == "jpeg 50" else 90)
            paths.append(path)
    return paths


def quantiles(values: np.ndarray) -> dict[str, float]:
    return {str(q): round(float(np.quantile(values, q)), 4) for q in QUANTILES}


def draw_top(root: Path, pairs: list[tuple[float, str, str]], path: Path) -> None:
    side = 160
    sheet = Image.new("RGB", (2 * side * 4 + 30, (len(pairs) + 3) // 4 * (side + 16)), "white")
    draw = ImageDraw.Draw(sheet)
    for place, (score, *images) in enumerate(pairs):
        x, y = place % 4 * (2 * side + 10), place // 4 * (side + 16)
        for at, image in enumerate(images):
            sheet.paste(ImageOps.contain(Image.open(root / image).convert("RGB"), (side - 4, side)), (x + at * side, y))
        draw.text((x, y + side), f"{score:.4f}", fill="black")
    sheet.save(path)


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("shops", type=Path)
    cli.add_argument("--results", type=Path)
    cli.add_argument("--top", type=Path)
    args = cli.parse_args()
    results = []
    with tempfile.TemporaryDirectory() as folder:
        copies = Path(folder) / "shops"
        of_shop = groups(args.shops)
        paths = {shop: make_copies(args.shops / shop, copies / shop, sorted(of)) for shop, of in of_shop.items()}
        for quality in ("standard", "high"):
            found: dict[str, list[np.ndarray]] = {change: [] for change in CHANGES}
            others: list[np.ndarray] = []
            for shop, of in of_shop.items():
                vectors = published(copies, shop, quality, paths[shop], Path(folder))
                images = sorted(of)
                x = np.array([vectors[f"original/{image}"] for image in images])
                for change in CHANGES:
                    y = np.array([vectors[f"{change}/{image}.jpg"] for image in images])
                    found[change].append((x * y).sum(axis=1))
                    results.append({"quality": quality, "shop": shop, "pictures": len(images), "copy": change} | measured(found[change][-1]))
                group = np.array([of[image] for image in images])
                cosines = x @ x.T
                cosines[group[:, None] == group[None, :]] = -1
                nearest = cosines.max(axis=1)
                first, second = np.nonzero(np.triu(cosines > THRESHOLDS[0], 1))
                others.append(cosines[first, second])
                top = sorted(((cosines[a, b], images[a], images[b]) for a, b in zip(first, second)), reverse=True)
                pairs = {str(t): int((others[-1] >= t).sum()) for t in THRESHOLDS}
                named = [[round(float(score), 4), a, b] for score, a, b in top[:20]]
                results.append({"quality": quality, "shop": shop, "pictures": len(images), "nearest of another product": quantiles(nearest), "pairs": pairs, "top": named})
                if args.top:
                    args.top.mkdir(parents=True, exist_ok=True)
                    draw_top(args.shops / shop, top[:24], args.top / f"{shop}-{quality}.png")
                print(f"{quality}, {shop}: nearest of another product: {results[-1]['nearest of another product']}", flush=True)
            print(f"\n| {quality}: least similarity | " + " | ".join(str(t) for t in THRESHOLDS) + " | least | 1 % | 5 % | median |")
            print("|---|" + "---|" * (len(THRESHOLDS) + 4))
            for change, all_shops in found.items():
                values = np.concatenate(all_shops)
                results.append({"quality": quality, "shop": "all", "pictures": len(values), "copy": change} | measured(values))
                shares = [f"{(values >= t).mean():.1%}" for t in THRESHOLDS]
                ends = [f"{np.quantile(values, q):.4f}" for q in (0, 0.01, 0.05, 0.5)]
                print(f"| copies found: {change} | " + " | ".join(shares + ends) + " |")
            for shop, values in zip(of_shop, others):
                print(f"| pairs of different products: {shop} | " + " | ".join(str((values >= t).sum()) for t in THRESHOLDS) + " | | | | |", flush=True)
    if args.results:
        args.results.write_text("".join(json.dumps(result) + "\n" for result in results), encoding="utf-8")


def measured(similarity: np.ndarray) -> dict:
    """Quantiles of the similarity of copies and originals, and the share at each threshold."""
    return {"similarity": quantiles(similarity), "found": {str(t): round(float((similarity >= t).mean()), 4) for t in THRESHOLDS}}


if __name__ == "__main__":
    sys.exit(main())
