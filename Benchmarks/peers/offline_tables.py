"""Tables of `bench offline` as peers store them: LZ4 Parquet, and DuckDB's own. Nothing here is measured."""

import os

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

TIME = pa.timestamp("us")
TYPES = {"int32": pa.int32(), "int64": pa.int64(), "float64": pa.float64(), "timestamp": TIME, "string": pa.string()}


def column(table, name, kind):
    """A raw file of little-endian cells as a column, without a copy."""
    cells = pa.array(np.fromfile(f"{table['directory']}/{table['name']}.{name}.bin", dtype="<f8" if kind == "float64" else "<i8"))
    return cells.view(TIME) if kind == "timestamp" else cells


def read_raw(table):
    return pa.table({item["name"]: column(table, item["name"], item["type"]) for item in table["columns"]})


def read_spine(table):
    """A spine with the number of each row."""
    spine = read_raw(table)
    return spine.append_column("n", pa.array(np.arange(spine.num_rows)))


def read_csv(table):
    """Real data, as the demo prepares them."""
    types = {item["name"]: TYPES[item["type"]] for item in table["columns"]}
    utc = {name: pa.timestamp("us", "UTC") if kind == TIME else kind for name, kind in types.items()}
    convert = pyarrow.csv.ConvertOptions(column_types=utc, include_columns=list(types), strings_can_be_null=True)
    return pyarrow.csv.read_csv(table["csv"], convert_options=convert).cast(pa.schema(types))


def store(place, table, record_rows, layouts):
    """Writes a table as Parquet files, with what Headwater keeps of a row too: the record it came in, and when that came.

    Returns the bytes of the one in order of key and time."""
    cells = read_csv(table) if table.get("csv") else read_raw(table)
    position = np.arange(cells.num_rows) // record_rows + 1
    cells = cells.append_column("position", pa.array(position))
    cells = cells.append_column("ingest_time", pa.array(1_700_000_000_000_000 + position * 1_000_003).cast(TIME))
    for layout in layouts:
        stored = cells if layout == "arrival" else cells.take(order(cells, table))
        pq.write_table(stored, parquet(place, table["name"], layout), compression="lz4")
    return os.path.getsize(parquet(place, table["name"], layouts[-1]))


def order(cells, table):
    """By key and time; rows that share them as they came, as the arrow sort does not promise."""
    key, time = (cells[item["name"]] for item in table["columns"][:2])
    keys = key.combine_chunks().dictionary_encode().dictionary.sort() if pa.types.is_string(key.type) else None
    numbers = key.to_numpy() if keys is None else pa.compute.index_in(key, value_set=keys).to_numpy()
    return pa.array(np.lexsort((time.cast(pa.int64()).to_numpy(), numbers)))


def parquet(place, name, layout):
    return f"{place}/{name}.{layout}.parquet"


def duckdb_file(place):
    return f"{place}/peers.duckdb"
