"""Recomputes, with DuckDB and from products.csv alone, what the three default rules allow, and compares every row.

    check_rules.py OUT_DIR PRODUCTS_CSV [--limit 10] [--currency USD]

Each check below is a query for what is wrong; all must come back empty. Exit 1 with the first differences if not.
The vectors themselves are not looked at: `check_naive.py` does that.
"""

import argparse
import json
import sys
from pathlib import Path

import default_rules

# Each query returns the rows that break the sentence it is named after.
CHECKS = {
    "coverage has exactly one row for each product and rule": """
        select coalesce(o.product_id, v.product_id) as product_id, coalesce(o.rule, v.rule) as rule, v.rows
        from owed o full join (select product_id, rule, count(*) as rows from coverage group by all) v
             using (product_id, rule)
        where o.rule is null or v.rule is null or v.rows <> 1""",
    "the relation is the rule's own": """
        select product_id, rule, relation from coverage where relation is distinct from rule
        union all select product_id, rule, relation from recommendations where relation is distinct from rule""",
    "list_limit is the rule's limit": """
        select product_id, rule, list_limit from coverage where list_limit is distinct from $limit""",
    "eligible is what the rule allows": """
        select product_id, rule, o.eligible as expected, v.eligible as published
        from owed o join coverage v using (product_id, rule) where v.eligible is distinct from o.eligible""",
    "returned = min(limit, eligible)": """
        select product_id, rule, least($limit, o.eligible) as expected, v.returned as published
        from owed o join coverage v using (product_id, rule)
        where v.returned is distinct from least($limit, o.eligible)""",
    "the reason is null where the list is full, else the right one": """
        select product_id, rule, expected, published from (
            select product_id, rule, v.shortfall_reason as published,
                   case when v.returned <> v.list_limit then coalesce(lacking, 'few_eligible') end as expected
            from owed o join coverage v using (product_id, rule))
        where expected is distinct from published""",
    "coverage's returned is the number of rows": """
        select product_id, rule, v.returned as said, coalesce(rows, 0) as rows
        from coverage v full join (select product_id, rule, count(*) as rows from recommendations group by all)
             using (product_id, rule)
        where v.returned is distinct from coalesce(rows, 0)""",
    "every recommendation satisfies its rule": """
        select r.product_id, r.rule, r.rank, r.recommended_id
        from recommendations r left join product a on a.id = r.product_id left join product c on c.id = r.recommended_id
        left join pair p on p.rule = r.rule and p.a = a.row and p.c = c.row where p.a is null""",
    "ranks run from 1 without a gap": """
        select product_id, rule, min(rank) as first, max(rank) as last, count(distinct rank) as ranks, count(*) as rows
        from recommendations group by all having first <> 1 or last <> rows or ranks <> rows""",
    "no group twice in a list": """
        select r.product_id, r.rule, c.grp, count(*) as times
        from recommendations r join product c on c.id = r.recommended_id group by all having times > 1""",
    "ordered by score, similarity, id": """
        select product_id, rule, rank, recommended_id, score, similarity from (
            select *, lag(score) over list as s, lag(similarity) over list as v, lag(recommended_id) over list as i
            from recommendations window list as (partition by product_id, rule order by rank))
        where s < score or s = score and v < similarity or s = score and v = similarity and i >= recommended_id""",
    "similarity is a cosine, and the score of a rule without rank": """
        select product_id, rule, rank, similarity, score from recommendations
        where similarity is null or score is null or not similarity between -1 and 1 or not isfinite(score)
           or rule <> 'upsell' and score <> similarity""",
    "prices and currencies are the catalog's": """
        select r.product_id, r.rule, r.rank, r.price, a.price as expected,
               r.recommended_price, c.price as recommended_expected, r.currency, r.recommended_currency
        from recommendations r join product a on a.id = r.product_id join product c on c.id = r.recommended_id
        where r.price is distinct from a.price or r.recommended_price is distinct from c.price
           or r.currency is distinct from a.currency or r.recommended_currency is distinct from c.currency""",
    "price_ratio is the quotient, null where there is none": """
        select product_id, rule, rank, price, recommended_price, price_ratio, expected from (
            select r.*, case when a.price > 0 and a.currency is not distinct from c.currency
                             then c.price::double / a.price::double end as expected
            from recommendations r join product a on a.id = r.product_id join product c on c.id = r.recommended_id)
        where (price_ratio is null) <> (expected is null) or abs(price_ratio - expected) > 1e-15 * expected""",
    "one night and one run in every table": """
        select count(distinct run_id) as runs, count(distinct run_date) as dates from (
            select run_id, run_date from coverage union all select run_id, run_date from recommendations)
        having runs <> 1 or dates <> 1""",
}


def figures(con) -> dict:
    """What was looked at, so that an empty check cannot pass for a good one."""
    one = lambda sql: con.execute(sql).fetchone()[0]
    by_rule = con.execute("""
        select rule, count(*) as lists, count(*) filter (lacking is null) as servable,
               sum(eligible)::bigint as eligible,
               (select count(*) from pair p where p.rule = o.rule) as pairs,
               (select count(*) from recommendations r where r.rule = o.rule) as rows
        from owed o group by rule order by rule""").fetchall()
    names = ("lists", "servable", "eligible", "pairs", "rows")
    return {
        "products": one("select count(*) from product"),
        "with_vector": one("select count(*) from product where has_vector"),
        "categories": one("select count(distinct category) from product"),
        "rules": {rule: dict(zip(names, values)) for rule, *values in by_rule},
        "reasons": dict(
            con.execute(
                "select shortfall_reason, count(*) from coverage where shortfall_reason is not null "
                "group by all order by all"
            ).fetchall()
        ),
    }


def main() -> int:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("out", type=Path)
    cli.add_argument("catalog", type=Path)
    cli.add_argument("--limit", type=int, default=10)
    cli.add_argument("--currency", help="the currency of rows that name none")
    args = cli.parse_args()
    con = default_rules.load(args.out, args.catalog, args.currency)
    failed = 0
    for sentence, sql in CHECKS.items():
        wrong = con.execute(sql, {"limit": args.limit} if "$limit" in sql else None)
        names = [column[0] for column in wrong.description]
        rows = wrong.fetchall()
        if rows:
            failed += 1
            print(f"NOT SO: {sentence}: {len(rows)} rows; the first:", file=sys.stderr)
            for row in rows[:5]:
                print("   ", ", ".join(f"{name} {value!s}" for name, value in zip(names, row)), file=sys.stderr)
    print(json.dumps({"checks": len(CHECKS), "failed": failed, **figures(con)}))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
