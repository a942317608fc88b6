"""How many of the upsell links made by the people of Magento's Luma shop the default `upsell` rule finds.

    luma_upsell.py OUT_DIR SHOPS_DIR

hit@4: mean over the products with upsell links of (links among the first 4) / min(4, links). Beside it the ceiling that
the rule's eligibility allows and the exact expectation of a random pick among the eligible. Exit 1 when hit@4 is below
0.95 of the ceiling. In this shop nearly every dearer product of the category is a link: this judges the rule, not the
pictures.
"""

import json
import sys
from pathlib import Path

import default_rules

FIRST = 4
FLOOR = 0.95

QUERY = """
with link as (
    select distinct product, linked_product as candidate from read_csv($links, all_varchar = true) where kind = 'upsell'
), eligible as (
    select a.id as product, c.id as candidate
    from pair join product a on a.row = pair.a join product c on c.row = pair.c where rule = 'upsell'
), first as (
    select product_id as product, recommended_id as candidate from recommendations
    where rule = 'upsell' and rank <= $first
), per_product as (
    select product, count(*) as links, count(e.candidate) as eligible_links, count(f.candidate) as hits,
           (select count(*) from eligible x where x.product = link.product) as eligible
    from link left join eligible e using (product, candidate) left join first f using (product, candidate)
    group by product
)
select count(*) as products, sum(links)::bigint as links, sum(eligible_links)::bigint as eligible_links,
       avg(hits / least($first, links)) as hit_at_4,
       avg(least($first, eligible_links) / least($first, links)) as ceiling,
       -- of `least(4, eligible)` places filled without repetition, each holds a link with the chance links / eligible
       avg(coalesce(least($first, eligible) * eligible_links / nullif(eligible, 0), 0) / least($first, links))
           as random_pick
from per_product
"""


def main() -> int:
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    shop = Path(sys.argv[2]) / "magento_luma"
    con = default_rules.load(Path(sys.argv[1]), shop / "products.csv")
    result = con.execute(QUERY, {"links": str(shop / "links.csv"), "first": FIRST})
    figures = dict(zip([column[0] for column in result.description], result.fetchone()))
    figures["share_of_ceiling"] = figures["hit_at_4"] / figures["ceiling"]
    print(json.dumps(figures))
    return 0 if figures["hit_at_4"] >= FLOOR * figures["ceiling"] else 1


if __name__ == "__main__":
    sys.exit(main())
