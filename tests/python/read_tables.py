"""Reads what twinset published with DuckDB, Polars and PyArrow, from one file and from the folder, and compares.

    python tests/python/read_tables.py OUT_DIR

Exit 0 when every table has the documented columns, types, nulls, order and layout, and the three readers see the same rows;
exit 1 with the first difference. The expectations below are written from the documentation, not from the program.
"""

import json
import sys
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

ROW_GROUP_ROWS = 122_880
FILE_ROW_GROUPS = {"recommendations": 16, "coverage": 16, "placements": 16, "duplicates": 16, "rejects": 16, "embeddings": 2}

# kind -> (PyArrow type, DuckDB name, Polars type, Parquet physical type)
KINDS = {
    "text": (pa.string(), "VARCHAR", pl.String, "BYTE_ARRAY"),
    "date": (pa.date32(), "DATE", pl.Date, "INT32"),
    "int32": (pa.int32(), "INTEGER", pl.Int32, "INT32"),
    "int64": (pa.int64(), "BIGINT", pl.Int64, "INT64"),
    "bool": (pa.bool_(), "BOOLEAN", pl.Boolean, "BOOLEAN"),
    "float": (pa.float32(), "FLOAT", pl.Float32, "FLOAT"),
    "double": (pa.float64(), "DOUBLE", pl.Float64, "DOUBLE"),
    "money": (pa.decimal128(18, 4), "DECIMAL(18,4)", pl.Decimal(18, 4), "INT64"),
    "vector": (pa.list_(pa.field("element", pa.float32(), nullable=False)), "FLOAT[]", pl.List(pl.Float32), "FLOAT"),
}

# table -> ([column, kind, with `?` where it may be null], order, columns without a dictionary)
TABLES = {
    "recommendations": (
        "run_id text, run_date date, product_id text, rule text, relation text, rank int32, recommended_id text, "
        "similarity float?, score float?, price money?, recommended_price money?, currency text?, "
        "recommended_currency text?, price_ratio double?, margin_gain money?, origin text",
        ["product_id", "rule", "rank"],
        ["similarity", "score", "price_ratio", "margin_gain"],
    ),
    "coverage": (
        "run_id text, run_date date, product_id text, rule text, relation text, list_limit int32, eligible int64, "
        "returned int32, shortfall_reason text?, pinned int32, fallback int32",
        ["product_id", "rule"],
        [],
    ),
    "placements": (
        "run_id text, run_date date, product_id text, placement text, slot int32, relation text, rule text, rank int32, "
        "recommended_id text",
        ["product_id", "placement", "slot"],
        [],
    ),
    "duplicates": (
        "run_id text, run_date date, product_id text, rank int32, duplicate_id text, similarity float, identical bool, "
        "cluster_id text",
        ["product_id", "rank"],
        ["similarity", "identical"],
    ),
    "rejects": (
        "run_id text, run_date date, stage text, row int64, id text?, code text, detail text",
        ["row", "stage", "code", "detail"],
        ["detail"],
    ),
    "embeddings": (
        "run_id text, run_date date, product_id text, view int32, embedding vector",
        ["product_id", "view"],
        ["product_id", "embedding"],
    ),
}


class Mismatch(Exception):
    """What was found is not what is documented."""


def main(out: Path) -> None:
    current = json.loads((out / "current.json").read_text())
    expect(bool(current), "`current.json` names no run")
    expect(list(current) == sorted(current), "`current.json` is not sorted by date")
    for table in TABLES:
        if table in ("placements", "duplicates", "embeddings") and not any((out / table).glob("run_date=*")):
            print(f"{table}: not published")
            continue
        files = check_table(out, table, current)
        print(f"{table}: {len(files)} files read alike by DuckDB {duckdb.__version__}, Polars {pl.__version__}, PyArrow {pa.__version__}")


def check_table(out: Path, table: str, current: dict[str, str]) -> list[Path]:
    columns, order, plain = TABLES[table]
    columns = [(name, kind.rstrip("?"), kind.endswith("?")) for name, kind in (c.split() for c in columns.split(", "))]
    files = sorted((out / table).glob("**/*.parquet"))
    listed = {}
    for date, run in current.items():
        manifest = json.loads((out / "runs" / f"{run}.json").read_text())
        expect((manifest["run_id"], manifest["run_date"]) == (run, date), f"the manifest of `{run}` is of another run or date")
        listed |= {file["path"]: file for file in manifest["files"] if file["table"] == table}
    found = [file.relative_to(out).as_posix() for file in files]
    expect(sorted(listed) == found, f"`{table}` has the files {found}, the manifests name {sorted(listed)}")

    for date in sorted({file.parent.name for file in files}):
        of_date = [file for file in files if file.parent.name == date]
        for number, file in enumerate(of_date):
            entry = listed[file.relative_to(out).as_posix()]
            check_layout(file, table, columns, order, plain, entry, last=number == len(of_date) - 1)
            check_readers(file, columns, f"`{file}`")
        check_order(pa.concat_tables(pq.ParquetFile(file).read() for file in of_date), order, f"`{table}` of {date}")
    check_folder(out / table, files, columns)
    return files


def check_layout(file, table, columns, order, plain, entry, last) -> None:
    """The footer, by PyArrow and, for nulls and physical types, by DuckDB."""
    footer = pq.ParquetFile(file).metadata
    where = f"`{file}`"
    expect(entry["rows"] == footer.num_rows, f"{where} has {footer.num_rows} rows, its manifest says {entry['rows']}")
    expect(entry["bytes"] == file.stat().st_size, f"{where} has another size than its manifest says")

    run = file.name.rsplit("-", 1)[0]
    wanted = {b"twinset.run_id": run.encode(), b"twinset.schema_version": b"3", b"twinset.table": table.encode()}
    expect(footer.metadata == wanted, f"{where} has the key-value metadata {footer.metadata}, not {wanted}")

    sizes = [footer.row_group(g).num_rows for g in range(footer.num_row_groups)]
    full = all(size == ROW_GROUP_ROWS for size in sizes[:-1]) and all(0 < size <= ROW_GROUP_ROWS for size in sizes)
    expect(full, f"{where} has row groups of {sizes} rows, not of {ROW_GROUP_ROWS}")
    file_rows = FILE_ROW_GROUPS[table] * ROW_GROUP_ROWS
    expect(footer.num_rows <= file_rows and (last or footer.num_rows == file_rows), f"{where} is cut at {footer.num_rows} rows")

    names = [name for name, _, _ in columns]
    for g in range(footer.num_row_groups):
        group = footer.row_group(g)
        sorting = [(names[s.column_index], s.descending) for s in group.sorting_columns]
        expect(sorting == [(name, False) for name in order], f"{where} declares the order {sorting}, not {order}")
        for c, name in enumerate(names):
            chunk = group.column(c)
            expect(chunk.compression == "ZSTD", f"{where}: `{name}` is compressed with {chunk.compression}")
            expect(chunk.has_offset_index and chunk.has_column_index, f"{where}: `{name}` has no page index")
            expect(chunk.is_stats_set, f"{where}: `{name}` has no statistics")
            dictionary = "RLE_DICTIONARY" in chunk.encodings
            expect(dictionary == (name not in plain), f"{where}: `{name}` has the encodings {chunk.encodings}")

    query = "SELECT name, type, repetition_type, num_children FROM parquet_schema(?)"
    elements = duckdb.execute(query, [str(file)]).fetchall()[1:]
    wanted = []
    for name, kind, null in columns:
        repetition = "OPTIONAL" if null else "REQUIRED"
        if kind == "vector":
            wanted += [(name, None, repetition, 1), ("list", None, "REPEATED", 1), ("element", "FLOAT", "REQUIRED", None)]
        else:
            wanted.append((name, KINDS[kind][3], repetition, None))
    elements = [(name, kind, repetition, children or None) for name, kind, repetition, children in elements]
    expect(elements == wanted, f"{where} has the Parquet schema {elements}, not {wanted}")


def check_readers(file: Path, columns, where: str) -> None:
    """One file, three readers."""
    arrow = pq.ParquetFile(file).read()
    check_arrow(arrow.schema, columns, f"{where} in PyArrow", nulls=True)
    compare(arrow, read_polars(pl.read_parquet(file, hive_partitioning=False), columns, f"{where} in Polars"), f"{where}: Polars")
    query = f"SELECT * FROM read_parquet({quote(file)}, hive_partitioning = false, file_row_number = true) ORDER BY file_row_number"
    compare(arrow, read_duckdb(query, columns, f"{where} in DuckDB"), f"{where}: DuckDB")


def check_folder(folder: Path, files: list[Path], columns) -> None:
    """All dates at once; the folder's name also carries the date, and no reader may make a second or another column of it."""
    where = f"the folder `{folder}`"
    dataset = ds.dataset(folder, format="parquet", partitioning=None)
    check_arrow(dataset.schema, columns, f"{where} in PyArrow", nulls=True)
    expect(sorted(dataset.files) == [str(file) for file in files], f"PyArrow finds other files in {where}")
    arrow = pa.concat_tables(pq.ParquetFile(file).read() for file in files)
    compare(arrow, dataset.to_table(), f"{where}: PyArrow")
    for hive in (False, True):
        seen = pl.scan_parquet(folder, hive_partitioning=hive).collect()
        compare(arrow, read_polars(seen, columns, f"{where} in Polars, hive {hive}"), f"{where}: Polars, hive {hive}")
        seen = pl.scan_parquet(folder / "*" / "*.parquet", hive_partitioning=hive).collect()
        compare(arrow, read_polars(seen, columns, f"{where} in Polars by glob"), f"{where}: Polars by glob, hive {hive}")
        for glob in ("*/*.parquet", "**/*.parquet"):
            source = f"read_parquet({quote(folder / glob)}, hive_partitioning = {hive}, filename = true, file_row_number = true)"
            query = f"SELECT * FROM {source} ORDER BY filename, file_row_number"
            compare(arrow, read_duckdb(query, columns, f"{where} in DuckDB, hive {hive}"), f"{where}: DuckDB, hive {hive}")
    date = arrow["run_date"][0].as_py() if arrow.num_rows else None
    if date:
        one = duckdb.execute(f"SELECT count(*) FROM read_parquet({quote(folder / '*/*.parquet')}) WHERE run_date = ?", [date])
        wanted = pc.sum(pc.equal(arrow["run_date"], pa.scalar(date))).as_py()
        expect(one.fetchone()[0] == wanted, f"DuckDB counts other rows of {date} in {where}")


def check_arrow(schema: pa.Schema, columns, where: str, nulls: bool) -> None:
    wanted = [pa.field(name, KINDS[kind][0], nullable=null or not nulls) for name, kind, null in columns]
    expect(schema.remove_metadata() == pa.schema(wanted), f"{where} has the schema\n{schema}\nnot\n{pa.schema(wanted)}")


def read_polars(frame: pl.DataFrame, columns, where: str) -> pa.Table:
    wanted = pl.Schema({name: KINDS[kind][2] for name, kind, _ in columns})
    expect(frame.schema == wanted and frame.columns == list(wanted), f"{where} has the schema {frame.schema}, not {wanted}")
    return frame.to_arrow()


def read_duckdb(query: str, columns, where: str) -> pa.Table:
    extra = ("file_row_number", "filename")
    seen = [(row[0], row[1]) for row in duckdb.execute(f"DESCRIBE {query}").fetchall() if row[0] not in extra]
    wanted = [(name, KINDS[kind][1]) for name, kind, _ in columns]
    expect(seen == wanted, f"{where} has the columns {seen}, not {wanted}")
    return duckdb.sql(query).to_arrow_table().select([name for name, _, _ in columns])


def check_order(rows: pa.Table, order: list[str], where: str) -> None:
    """Text is ordered by its UTF-8 bytes."""
    lists = [rows[name].to_pylist() for name in order]
    keys = list(zip(*([v.encode() if isinstance(v, str) else v for v in values] for values in lists)))
    expect(all(a <= b for a, b in zip(keys, keys[1:])), f"{where} is not sorted by {order}")
    if "row" not in order:
        expect(len(set(keys)) == len(keys), f"{where} holds a key of {order} twice")


def compare(wanted: pa.Table, seen: pa.Table, where: str) -> None:
    expect(wanted.num_rows == seen.num_rows, f"{where} sees {seen.num_rows} rows, PyArrow {wanted.num_rows}")
    for name in wanted.column_names:
        # Readers have text and list types of their own in arrow; casting back to the file's is exact or fails.
        column = seen[name].cast(wanted.schema.field(name).type)
        if not column.equals(wanted[name]):
            raise Mismatch(f"{where} sees other values in `{name}` than PyArrow")


def quote(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Mismatch(otherwise)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: read_tables.py OUT_DIR")
    try:
        main(Path(sys.argv[1]))
    except Mismatch as difference:
        print(f"read_tables: {difference}", file=sys.stderr)
        sys.exit(1)
