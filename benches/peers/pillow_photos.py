"""Pillow's way from image files to squares of 224 pixels: `pillow_photos.py draft|draft_warm|full FOLDER PASSES`."""

import sys
from pathlib import Path

from PIL import Image

SIDE, CROP = 224, 0.875


def square(path: Path, draft: bool) -> Image.Image:
    picture = Image.open(path)
    if draft:
        # The square must keep its pixels; draft mode never goes below what it is asked for.
        needed = SIDE / CROP / min(picture.size)
        picture.draft("RGB", tuple(-int(-side * needed // 1) for side in picture.size))
    if picture.mode != "RGB":
        picture = picture.convert("RGB")
    (width, height), cut = picture.size, CROP * min(picture.size)
    box = ((width - cut) / 2, (height - cut) / 2, (width + cut) / 2, (height + cut) / 2)
    return picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=box)


def main() -> None:
    mode, folder, passes = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    if mode == "draft_warm":
        # The C library keeps memory that was given back once it has seen so large a piece of it.
        Image.new("RGB", (2000, 2000)).resize((1000, 1000))
    done = 0
    for path in paths * passes:
        done += square(path, mode != "full").size == (SIDE, SIDE)
    print(done)


if __name__ == "__main__":
    main()
