"""Draws some anchors with their lists as one picture, for a person to look at.

    contact_sheet.py OUT_DIR PRODUCTS_CSV IMAGES_ROOT RULE OUT.png [--anchors 30] [--seed 1]

One row an anchor: the anchor left (framed), its list by rank to the right, each with id, price and similarity.
"""

import argparse
import csv
import random
from pathlib import Path

import duckdb
from PIL import Image, ImageDraw, ImageFont, ImageOps

import default_rules

SIDE, CAPTION, GAP = 150, 34, 6


def tile(sheet: Image.Image, at: tuple[int, int], path: Path | None, lines: list[str], frame: str | None) -> None:
    """Pastes one picture with two lines of text below; a gray box where there is no readable picture."""
    x, y = at
    draw = ImageDraw.Draw(sheet)
    try:
        with Image.open(path) as image:
            picture = ImageOps.contain(ImageOps.exif_transpose(image).convert("RGB"), (SIDE, SIDE))
        sheet.paste(picture, (x + (SIDE - picture.width) // 2, y + (SIDE - picture.height) // 2))
    except (AttributeError, OSError):
        draw.rectangle((x, y, x + SIDE - 1, y + SIDE - 1), fill="#dddddd")
    if frame:
        draw.rectangle((x, y, x + SIDE - 1, y + SIDE - 1), outline=frame, width=3)
    font = ImageFont.load_default(size=11)
    for i, line in enumerate(lines):
        draw.text((x, y + SIDE + 3 + 15 * i), line[:24], fill="black", font=font)


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("out", type=Path)
    cli.add_argument("catalog", type=Path)
    cli.add_argument("images", type=Path)
    cli.add_argument("rule")
    cli.add_argument("sheet", type=Path)
    cli.add_argument("--anchors", type=int, default=30)
    cli.add_argument("--seed", type=int, default=1)
    args = cli.parse_args()

    con = duckdb.connect()
    default_rules.tables(con, args.out, ["recommendations"])
    lists: dict[str, list[tuple]] = {}
    for anchor, *entry in con.execute(
        "select product_id, recommended_id, recommended_price, similarity, price from recommendations "
        "where rule = ? order by product_id, rank",
        [args.rule],
    ).fetchall():
        lists.setdefault(anchor, []).append(tuple(entry))
    if not lists:
        raise SystemExit(f"no list of rule `{args.rule}` in `{args.out}`")
    with args.catalog.open(newline="", encoding="utf-8-sig") as file:
        images = {row["id"]: row["image"] for row in csv.DictReader(file)}
    picture = lambda id: args.images / images[id] if images.get(id) else None
    price = lambda value: "no price" if value is None else f"{value:.2f}"

    chosen = random.Random(args.seed).sample(sorted(lists), min(args.anchors, len(lists)))
    width = 1 + max(len(lists[anchor]) for anchor in chosen)
    sheet = Image.new("RGB", (GAP + width * (SIDE + GAP), GAP + len(chosen) * (SIDE + CAPTION + GAP)), "white")
    for i, anchor in enumerate(chosen):
        y = GAP + i * (SIDE + CAPTION + GAP)
        tile(sheet, (GAP, y), picture(anchor), [anchor, price(lists[anchor][0][3])], "#c00000")
        for j, (id, its_price, similarity, _) in enumerate(lists[anchor], start=1):
            likeness = "" if similarity is None else f"   {similarity:.3f}"
            tile(sheet, (GAP + j * (SIDE + GAP), y), picture(id), [id, price(its_price) + likeness], None)
    sheet.save(args.sheet)
    print(f"{args.sheet}: {len(chosen)} anchors of {len(lists)}, {sheet.width} x {sheet.height}")


if __name__ == "__main__":
    main()
