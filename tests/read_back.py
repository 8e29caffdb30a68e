"""Opens a written results folder with pandas, polars and duckdb and compares every value. Usage: read_back.py FOLDER"""

import json
import math
import pathlib
import sys

import duckdb
import pandas
import polars
import pyarrow.parquet

ROWS = 200_000
"""The rows of `long`, written in chunks of 30,000."""

EXPECTED = {
    "step_size": [0.1, 0.5, 1.0, 2.0],
    "log_growth": [None, -0.25, 0.0, 1e300],
    "layers": [9_007_199_254_740_993, -1, 0, 7],
    "overshoot_step": [3, None, None, -(2**63)],
    "member": [0, 1, 2**31, 2**32 - 1],
    "radius_kind": ["nominal", "exact", "", "ρ ≥ 1"],
    "moduli": [[1.0, 0.5], [], None, [math.inf]],
}
"""The columns of `cells`, as tests/it/dataset.rs writes them."""

PANDAS = {
    "step_size": "float64",
    "log_growth": "float64",
    "layers": "int64",
    "overshoot_step": "Int64",
    "member": "uint32",
    "radius_kind": "str",
    "moduli": "object",
}

POLARS = {
    "step_size": polars.Float64,
    "log_growth": polars.Float64,
    "layers": polars.Int64,
    "overshoot_step": polars.Int64,
    "member": polars.UInt32,
    "radius_kind": polars.String,
    "moduli": polars.List(polars.Float64),
}

DUCKDB = {
    "step_size": "DOUBLE",
    "log_growth": "DOUBLE",
    "layers": "BIGINT",
    "overshoot_step": "BIGINT",
    "member": "UINTEGER",
    "radius_kind": "VARCHAR",
    "moduli": "DOUBLE[]",
}


def with_pandas(path):
    frame = pandas.read_parquet(path)
    nullable = pandas.read_parquet(path, dtype_backend="numpy_nullable")
    for name, values in EXPECTED.items():
        source = nullable if name == "overshoot_step" else frame
        assert str(source[name].dtype) == PANDAS[name], (name, source[name].dtype)
        missing = [value is None for value in values]
        assert list(source[name].isna()) == missing, (name, list(source[name]))
        for found, value in zip(source[name], values):
            if value is not None:
                found = list(found) if name == "moduli" else found
                assert found == value, (name, found, value)


def with_polars(path):
    frame = polars.read_parquet(path)
    assert dict(frame.schema) == POLARS, frame.schema
    assert frame.to_dict(as_series=False) == EXPECTED, frame


def with_duckdb(path):
    relation = duckdb.sql(f"select * from '{path}'")
    assert dict(zip(relation.columns, map(str, relation.types))) == DUCKDB, relation.types
    rows = relation.fetchall()
    assert {name: [row[i] for row in rows] for i, name in enumerate(relation.columns)} == EXPECTED, rows


def long_table(path):
    groups = pyarrow.parquet.ParquetFile(path).metadata.num_row_groups
    assert groups > 1, groups
    frame = polars.read_parquet(path)
    assert frame["index"].to_list() == list(range(ROWS))
    assert frame["third"].null_count() == len(range(0, ROWS, 3))
    count, missing, total = duckdb.sql(f"select count(*), count(*) - count(third), sum(index) from '{path}'").fetchall()[0]
    assert (count, missing, total) == (ROWS, len(range(0, ROWS, 3)), ROWS * (ROWS - 1) // 2)
    assert len(pandas.read_parquet(path)) == ROWS


def empty_table(path):
    assert len(pandas.read_parquet(path)) == 0
    assert polars.read_parquet(path).schema == {"step_size": polars.Float64}
    assert duckdb.sql(f"select count(*) from '{path}'").fetchall() == [(0,)]


def described(path):
    """Every reader finds what a column is and its unit."""
    attributes = pandas.read_parquet(path).attrs
    expected = attributes["columns"]
    assert expected["overshoot_step"] == {"description": "median step of the peak", "unit": "steps"}, expected
    assert attributes["row"].startswith("one row for each grid point"), attributes
    assert json.loads(pyarrow.parquet.read_schema(path).metadata[b"columns"]) == expected
    assert json.loads(polars.read_parquet_metadata(path)["columns"]) == expected
    query = f"select decode(value) from parquet_kv_metadata('{path}') where decode(key) = 'columns'"
    assert json.loads(duckdb.sql(query).fetchall()[0][0]) == expected


def main(folder):
    with_pandas(folder / "cells.parquet")
    with_polars(folder / "cells.parquet")
    with_duckdb(folder / "cells.parquet")
    long_table(folder / "long.parquet")
    empty_table(folder / "empty.parquet")
    metadata = pyarrow.parquet.read_schema(folder / "cells.parquet").metadata
    assert metadata[b"spec"] == b"0123abcd" and b"eulerscope" in metadata, metadata
    described(folder / "cells.parquet")
    run = json.loads((folder / "run.json").read_text())
    assert list(run["files"]) == ["cells.parquet", "empty.parquet", "long.parquet", "map.svg"], run
    print("read back: pandas, polars and duckdb agree")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
