"""What a second night costs beside the first: twinset alone, every run kept.

Called by run.sh from the repository's root. The shop is made of the clothing photos: every image is one of them with noise of its
own, seeded, saved as JPEG again, and no two are the same. The first night embeds all; before the second, one image in a
hundred is replaced; before the third, nothing changes. Each night has its own date, so that all of them plan, score and publish.
Where strace is at hand, a fourth night, as the third and not timed, counts the system calls.
"""

import csv
import datetime
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

import measure

SEED, NOISE, CHANGED_EVERY = 20261126, 6.0, 100
FIRST_NIGHT = datetime.date(2026, 11, 22)


def make_image(job: tuple[Path, Path, int, int]) -> None:
    """One photo with noise; `version` tells a replaced image from the first one."""
    photo, path, image, version = job
    with Image.open(photo) as opened:
        pixels = np.asarray(opened.convert("RGB"), dtype=np.float32)
    noise = np.random.default_rng((SEED, image, version)).normal(0.0, NOISE, pixels.shape)
    noisy = np.clip(pixels + noise, 0, 255).astype(np.uint8)
    Image.fromarray(noisy).save(path, quality=85)


def make_images(photos: list[Path], shop: Path, images: list[int], version: int) -> None:
    jobs = [(photos[image % len(photos)], shop / "images" / f"{image}.jpg", image, version) for image in images]
    with multiprocessing.Pool(len(os.sched_getaffinity(0))) as pool:
        pool.map(make_image, jobs, chunksize=16)
    # A file that has just been written is not trusted to stay; the shop's images are older.
    time.sleep(3)


def made(data: Path, images: int) -> tuple[Path, list[Path]]:
    """The shop in its first state, and the photos that it is made of."""
    shop = measure.WORK / f"nights-{images}"
    with (data / "clothing" / "products.csv").open(newline="", encoding="utf-8-sig") as file:
        products = list(csv.DictReader(file))
    photos = [data / "clothing" / product["image"] for product in products]
    (shop / "images").mkdir(parents=True, exist_ok=True)
    rows = [products[image % len(products)] for image in range(images)]
    with (shop / "products.csv").open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["id", "category", "price", "currency", "image"])
        for image, row in enumerate(rows):
            out.writerow([f"p{image}", row["category"], row["price"], row["currency"], f"images/{image}.jpg"])
    (shop / "twinset.toml").write_text(
        '[catalog]\npath = "products.csv"\n\n[similarity]\ndevice = "cpu"\n', encoding="utf-8"
    )
    missing = [image for image in range(images) if not (shop / "images" / f"{image}.jpg").exists()]
    make_images(photos, shop, missing, 1)
    return shop, photos


def command_of(shop: Path, out: Path, threads: int, night: int) -> list[str]:
    command = measure.twinset(shop / "twinset.toml", out, threads)
    return [*command[:-1], str(FIRST_NIGHT + datetime.timedelta(days=night))]


def manifest_of(out: Path) -> dict:
    """The manifest of the newest date."""
    current = json.loads((out / "current.json").read_text(encoding="utf-8"))
    return json.loads((out / "runs" / f"{current[max(current)]}.json").read_text(encoding="utf-8"))


def calls(command: list[str]) -> dict[str, int]:
    """System calls of a process by name."""
    log = measure.WORK / "nights.strace"
    subprocess.run(["strace", "-f", "-c", "-o", str(log), *command], check=True, capture_output=True)
    counted = {}
    for line in log.read_text(encoding="utf-8").splitlines():
        cells = line.split()
        if len(cells) >= 5 and cells[3].isdigit() and cells[-1] != "total":
            counted[cells[-1]] = int(cells[3])
    return counted


def main() -> int:
    cli = measure.arguments(__doc__)
    cli.add_argument("--data", type=Path, default=Path(os.environ.get("TWINSET_SHOPS", "../shared/data")))
    cli.add_argument("--images", type=int, default=10_000)
    cli.set_defaults(runs=1)
    args = cli.parse_args()
    about, failed = measure.host(["numpy", "pillow"]), False
    shop, photos = made(args.data, args.images)
    replaced = list(range(37, args.images, CHANGED_EVERY))
    out = measure.WORK / "nights-out"
    for run in range(1, args.runs + 1):
        make_images(photos, shop, replaced, 1)
        shutil.rmtree(out, ignore_errors=True)
        first = 0.0
        for night, (program, expected) in enumerate([("first", args.images), ("second", len(replaced)), ("third", 0)]):
            if program == "second":
                make_images(photos, shop, replaced, 2)
            figures = measure.timed(command_of(shop, out, args.threads, night), measure.WORK / f"nights-{program}.log")
            manifest = manifest_of(out)
            computed = manifest["counts"]["embedded_now"]
            first = first or figures["wall_s"]
            result = {"bench": "nights", "data": shop.name, "program": program, "run": run, **figures}
            result |= {"share_of_first": round(figures["wall_s"] / first, 4), "embedded_now": computed}
            result |= {"timings": manifest["timings"]}
            if program == "third" and shutil.which("strace"):
                counted = calls(command_of(shop, out, args.threads, night + 1))
                result["calls_an_image"] = round(sum(counted.values()) / args.images, 2)
                result["calls"] = dict(sorted(counted.items(), key=lambda call: -call[1])[:12])
            measure.keep({**result, **about}, args.results)
            print(f"{program}: {figures['wall_s']} s, {result['share_of_first']:.1%} of the first, {computed} computed")
            if computed != expected:
                print(f"the {program} night computed {computed} images, not {expected}", file=sys.stderr)
                failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
