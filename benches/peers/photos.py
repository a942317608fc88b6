"""From image files to the squares that the network looks at: twinset beside Pillow in draft mode and in full, one thread."""

import os
import sys
from pathlib import Path

from measure import WORK, arguments, host, in_turn, keep, timed


def main() -> int:
    cli = arguments(__doc__)
    cli.add_argument("--data", type=Path, default=Path(os.environ.get("TWINSET_SHOPS", "../shared/data")))
    cli.add_argument("--shops", default="clothing,magento_luma")
    cli.add_argument("--passes", type=int, default=4)
    args = cli.parse_args()
    about, same = host(["pillow"]), True
    pillow = [os.path.relpath(sys.executable), "benches/peers/pillow_photos.py"]
    for shop in args.shops.split(","):
        images = [str(Path(os.path.relpath(args.data)) / shop / "images"), str(args.passes)]
        command = {
            "twinset": ["target/release/examples/photos", *images],
            "pillow_draft": [*pillow, "draft", *images],
            "pillow_draft_warm": [*pillow, "draft_warm", *images],
            "pillow_full": [*pillow, "full", *images],
        }
        said = set()
        for run in range(args.runs + 1):
            for name in in_turn(list(command), run):
                log = WORK / f"photos-{name}.log"
                figures = timed(command[name], log)
                squares = int(log.read_text().split()[-1])
                said.add(squares)
                if run:
                    each = round(1000 * figures["cpu_s"] / squares, 3)
                    result = {"bench": "photos", "data": shop, "program": name, "run": run, **figures}
                    keep({**result, "squares": squares, "cpu_ms_each": each, **about}, args.results)
        if len(said) > 1:
            print(f"NOT THE SAME WORK on {shop}: {sorted(said)} squares", file=sys.stderr)
            same = False
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
