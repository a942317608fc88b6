"""Prints, as JSON, what a run put into its tables: rows, and eligible and returned entries by rule. For either program.

A process of its own, because a child's peak memory is counted from its parent's size: `measure.py` must stay small.
"""

import json
import sys
from pathlib import Path

import pyarrow.dataset as ds

out = Path(sys.argv[1])


def table(name: str, columns: list[str]):
    files = sorted(map(str, [*out.glob(f"{name}/run_date=*/*.parquet"), *out.glob(f"{name}.parquet")]))
    return ds.dataset(files, format="parquet").to_table(columns=columns)


coverage = table("coverage", ["rule", "eligible", "returned"]).to_pydict()
rules = {rule: [0, 0] for rule in sorted(set(coverage["rule"]))}
for rule, eligible, returned in zip(coverage["rule"], coverage["eligible"], coverage["returned"]):
    rules[rule][0] += eligible
    rules[rule][1] += returned
print(json.dumps({"rows": len(table("recommendations", ["rank"])), "eligible_and_returned": rules}))
