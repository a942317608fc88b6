#!/usr/bin/env python3
"""Fits the mean that the built-in encoder takes off the features of a network: models/efficientnet-lite*.mean.

    python3 scripts/fit_mean.py FOLDER lite0 models/efficientnet-lite0.mean

FOLDER holds the shops; `clothing` are phone photos, all others packshots. Both kinds count the same, and among the packshots every
shop, so that no shop's own look becomes what all photos have in common. Calls the example `raw_features`, which must be built.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

PHONE = "clothing"
ENDINGS = {".jpg", ".jpeg", ".png", ".webp", ".gif"}
FEATURES = 1280


def features(variant: str, images: list[Path]) -> np.ndarray:
    with tempfile.TemporaryDirectory() as folder:
        paths, out = Path(folder, "list"), Path(folder, "features")
        paths.write_text("".join(f"{image}\n" for image in images), encoding="utf-8")
        subprocess.run(["target/release/examples/raw_features", variant, str(paths), str(out)], check=True)
        return np.fromfile(out, "<f4").reshape(len(images), FEATURES).astype(np.float64)


def main() -> None:
    folder, variant, out = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    means = {}
    for shop in sorted(path for path in folder.iterdir() if path.is_dir()):
        images = sorted(path for path in shop.rglob("*") if path.suffix.lower() in ENDINGS)
        if images:
            means[shop.name] = features(variant, images).mean(axis=0)
            print(f"{shop.name}: {len(images)} images")
    packshots = np.mean([mean for shop, mean in means.items() if shop != PHONE], axis=0)
    out.write_bytes(((means[PHONE] + packshots) / 2).astype("<f4").tobytes())


if __name__ == "__main__":
    main()
