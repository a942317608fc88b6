"""All pairs by PyTorch on a CUDA device: the counterpart of examples/all_pairs.rs on a GPU, with the same output.

    torch_flat.py VECTORS.npy --k 20 --out LISTS

The rows have length 1, so that inner products are cosines. One matrix product for a block of rows against all, in plain
f32 (no TF32, which would not be exact), then `topk`. Timed as twinset is: from vectors in memory to lists in memory, the
upload and the way back included, opening the device and loading its libraries not. `reduced_wall_s` is the same in
TF32, whose lists are thrown away: what a user gets who does not need the nearest twenty to be the nearest twenty.
"""

import argparse
import json
import resource
import time
from pathlib import Path

import numpy as np
import torch

# Scores that lie on the device at a time.
MOST_SCORES = 2**31


def search(x: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    rows = len(x)
    on_device = torch.from_numpy(x).cuda()
    block = max(1, min(rows, MOST_SCORES // rows))
    found, scores = [], []
    for first in range(0, rows, block):
        own = torch.arange(first, min(rows, first + block), device="cuda")
        products = on_device[own] @ on_device.T
        products[own - first, own] = -torch.inf
        best = products.topk(k)
        found.append(best.indices.to(torch.int32))
        scores.append(best.values)
    return torch.cat(found).cpu().numpy().astype(np.uint32), torch.cat(scores).cpu().numpy()


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("vectors", type=Path)
    cli.add_argument("--k", type=int, default=20)
    cli.add_argument("--out", type=Path)
    args = cli.parse_args()
    started = time.perf_counter()
    x = np.load(args.vectors)
    load = time.perf_counter() - started
    wall = {}
    for reduced in (False, True):
        torch.backends.cuda.matmul.allow_tf32 = reduced
        search(x[:4096], args.k)  # libraries are loaded and kernels chosen
        started = time.perf_counter()
        lists = search(x, args.k)
        wall[reduced] = time.perf_counter() - started
        if not reduced and args.out:
            args.out.write_bytes(lists[0].tobytes() + lists[1].tobytes())
    used = resource.getrusage(resource.RUSAGE_SELF)
    said = {
        "rows": x.shape[0],
        "dimension": x.shape[1],
        "k": args.k,
        "load_s": load,
        "wall_s": wall[False],
        "reduced_wall_s": wall[True],
        "peak_mib": used.ru_maxrss // 1024,
        "device_peak_mib": torch.cuda.max_memory_allocated() // 2**20,
        "device": torch.cuda.get_device_name(),
    }
    print(json.dumps(said))


if __name__ == "__main__":
    main()
