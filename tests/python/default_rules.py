"""The three default rules as DuckDB SQL, straight from products.csv: what the documentation says, written once more.

Shared by the checks in this folder. It reads the catalog and, for the products whose image could not be used, the
`rejects` table; it never reads `recommendations` or `coverage`, which are what the checks judge.

It understands the columns id, title, category, price, currency, image and, where they exist, group_id, sale_price,
in_stock. It refuses to guess about rows that are broken in any other way than a missing or repeated id.
"""

from pathlib import Path

import duckdb

RULES = ("cross_sell", "similar", "upsell")

MONEY = "'[0-9]{1,14}([.][0-9]{1,4})?'"

PRODUCTS = """
create table product as
with cells as (
    select row_number() over () as row, {columns} from read_csv(?, all_varchar = true, parallel = false)
), kept as (                                                    -- the first row of an id wins
    select * from cells where id is not null qualify row_number() over (partition by id order by row) = 1
), paths as (
    select *, list_filter(list_transform(string_split_regex(coalesce(category_text, ''), '[/>]'), lambda s: trim(s)),
                          lambda s: s <> '') as segments from kept
), prices as (
    select *, case when regexp_full_match(price_text, {money}) then price_text end::decimal(18, 4) as list_price,
              case when regexp_full_match(sale_text, {money}) then sale_text end::decimal(18, 4) as sale_price
    from paths
), flat as (
    select coalesce(max(len(segments)), 0) <= 1 as flat from prices
)
select row, id, title,
       case when len(segments) > 0 then array_to_string(segments, '/') end as category,
       case when len(segments) > 0 then array_to_string(segments[:-2], '/') end as parent,
       case when len(segments) = 0 then null when flat then '' else segments[1] end as department,
       case when sale_price < list_price then sale_price else list_price end as price,
       upper(currency_text) as currency,
       coalesce('group ' || group_text, 'row ' || row) as grp,
       coalesce(lower(stock_text) not in ('false', 'no', 'n', 'f', '0'), true) as in_stock,
       image_text as image,
       coalesce(regexp_matches(image_text, '^[A-Za-z][A-Za-z0-9+.-]*://'), false) as image_is_url,
       image_text is not null and not image_is_url and row not in (select row from image_reject) as has_vector
from prices, flat
"""

# Siblings: the department's categories under another parent or, if there are none, its other categories;
# over all categories of the catalog, in stock or not.
COMPLEMENTS = """
create table complement as
with place as (select distinct category, department, parent from product where category is not null),
other_parent as (
    select a.category, c.category as complement from place a join place c
    on c.department = a.department and c.parent <> a.parent
)
select * from other_parent
union all
select a.category, c.category from place a join place c on c.department = a.department and c.category <> a.category
where a.category not in (select category from other_parent)
"""

# One row for each (rule, anchor, candidate) that the rule allows. Ratios are multiplied, never divided.
PAIRS = """
create table pair as
with base as (
    select a.row as a, c.row as c, c.grp as entry,
           a.category as a_category, c.category as c_category,
           a.department as a_department, c.department as c_department, a.price as a_price, c.price as c_price
    from product a join product c
    on a.grp <> c.grp and a.currency is not distinct from c.currency
    where a.has_vector and c.has_vector and c.in_stock and a.category is not null and c.category is not null
)
select 'similar' as rule, a, c, entry from base where a_department = c_department
union all
select 'upsell', a, c, entry from base
where a_category = c_category and a_price > 0 and c_price > 1.0 * a_price and c_price <= 2.0 * a_price
union all
select 'cross_sell', a, c, entry from base join complement on category = a_category and complement = c_category
where a_price > 0 and c_price <= 1.05 * a_price
"""

# What every anchor is owed under every rule, and why it may be owed nothing.
OWED = """
create table owed as
with counted as (select rule, a, count(distinct entry) as entries from pair group by rule, a)
select p.row, p.id as product_id, r.rule, coalesce(entries, 0) as eligible,
       case when image_is_url then 'image_is_url'
            when not has_vector then 'no_vector'
            when category is null then 'no_category'
            when r.rule <> 'similar' and (price is null or price = 0) then 'no_price' end as lacking
from product p cross join (select unnest(['cross_sell', 'similar', 'upsell']) as rule) r
left join counted on counted.a = p.row and counted.rule = r.rule
"""


def tables(con: duckdb.DuckDBPyConnection, out: Path, names: list[str]) -> None:
    """Opens the newest night's tables of an output folder as views of their own names."""
    dates = sorted(folder.name for folder in (out / "coverage").glob("run_date=*"))
    if not dates:
        raise SystemExit(f"`{out}` holds no coverage table: run twinset first")
    for name in names:
        files = str(out / name / dates[-1] / "*.parquet").replace("'", "''")
        con.execute(f"create view {name} as select * from read_parquet('{files}', hive_partitioning = false)")


def load(out: Path, catalog: Path, currency: str | None = None) -> duckdb.DuckDBPyConnection:
    """A connection with the tables `product`, `complement`, `pair` and `owed`, and the night's own tables."""
    con = duckdb.connect()
    tables(con, out, ["recommendations", "coverage"])
    if list((out / "rejects").glob("run_date=*/*.parquet")):
        tables(con, out, ["rejects"])
        con.execute("create table image_reject as select row from rejects where stage in ('image', 'embedding')")
    else:
        con.execute("create table image_reject (row bigint)")
    header = con.execute("select * from read_csv(?, all_varchar = true) limit 0", [str(catalog)]).description
    present = {column[0] for column in header}
    wanted = {
        "id": "id",
        "title": "title",
        "category_text": "category",
        "price_text": "price",
        "sale_text": "sale_price",
        "currency_text": "currency",
        "group_text": "group_id",
        "stock_text": "in_stock",
        "image_text": "image",
    }
    cell = lambda name: f"nullif(trim({name}), '')" if name in present else "null::varchar"
    cells = {alias: cell(name) for alias, name in wanted.items()}
    if currency:
        cells["currency_text"] = f"coalesce({cells['currency_text']}, '{currency}')"
    columns = ", ".join(f"{sql} as {alias}" for alias, sql in cells.items())
    con.execute(PRODUCTS.format(columns=columns, money=MONEY), [str(catalog)])
    for statement in (COMPLEMENTS, PAIRS, OWED):
        con.execute(statement)
    return con
