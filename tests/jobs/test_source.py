"""Files are read a little at a time, in blocks of their reader's choice."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import pytest

from lime_jax.jobs import file_hash, open_source, sample_rows
from lime_jax.jobs.source import read_blocks

ROWS = 100
TABLE = pa.table({"a": np.arange(ROWS), "b": np.arange(ROWS) / 8})


def write_stream(table, path):
    with pa.ipc.new_stream(str(path), table.schema) as stream:
        stream.write_table(table, max_chunksize=31)


WRITE = {
    "a.parquet": lambda table, path: pa.parquet.write_table(table, path, row_group_size=17),
    "a.csv": pa.csv.write_csv,
    "a.feather": lambda table, path: pa.feather.write_feather(table, path, chunksize=23),
    "a.arrow": write_stream,
}


@pytest.fixture(params=WRITE)
def source(request, tmp_path):
    WRITE[request.param](TABLE, tmp_path / request.param)
    return open_source(tmp_path / request.param)


def values(table):
    return [float(value.as_py()) for value in table["b"]]


def test_rows_are_counted(source):
    assert source.count_rows() == ROWS
    assert source.schema.names == ["a", "b"]


@pytest.mark.parametrize("size", [1, 9, 17, 64, 100, 1000])
@pytest.mark.parametrize("rows", [range(ROWS), range(16, 53), range(5, 6), range(0)])
def test_blocks_do_not_depend_on_the_file(source, size, rows):
    count = -(-len(rows) // size)
    found = dict(read_blocks(source, ["b"], rows, size, range(count)))
    assert list(found) == list(range(count))
    for number, block in found.items():
        mine = rows[number * size : (number + 1) * size]
        assert values(block) == [row / 8 for row in mine]
        assert block.column_names == ["b"]


@pytest.mark.parametrize("wanted", [[], [0], [3], [1, 2, 9], [0, 14]])
def test_only_wanted_blocks_come(source, wanted):
    found = dict(read_blocks(source, ["b"], range(ROWS), 7, wanted))
    assert list(found) == wanted
    for number, block in found.items():
        assert values(block) == [row / 8 for row in range(ROWS)[number * 7 : number * 7 + 7]]


@pytest.mark.parametrize(
    ("most", "step"), [(1000, 1), (100, 1), (99, 2), (50, 2), (49, 4), (7, 16), (1, 128)]
)
def test_samples_are_evenly_spaced_and_few_enough(source, most, step):
    sample = sample_rows(source, ["b"], most)
    assert (sample.step, sample.num_rows) == (step, ROWS)
    assert values(sample.table) == [row / 8 for row in range(0, ROWS, step)]


@pytest.mark.parametrize("name", WRITE)
def test_a_file_without_rows(tmp_path, name):
    WRITE[name](TABLE[:0], tmp_path / name)
    source = open_source(tmp_path / name)
    assert source.count_rows() == 0
    assert list(read_blocks(source, ["b"], range(0), 7, [])) == []
    assert sample_rows(source, ["b"]).table.num_rows == 0


def bytes_read():
    """By this process, from files, since it began."""
    return int(Path("/proc/self/io").read_text().split()[1])


@pytest.mark.skipif(not os.access("/proc/self/io", os.R_OK), reason="only Linux counts them")
def test_of_one_large_batch_only_wanted_columns_are_read(tmp_path):
    wide = pa.table({"wide": np.zeros(10**6), "b": np.zeros(10**6, np.int8)})
    pa.feather.write_feather(wide, tmp_path / "a.feather", "uncompressed", chunksize=10**6)
    before = bytes_read()
    tables = open_source(tmp_path / "a.feather").tables(["b"])
    assert next(tables)[1].column_names == ["b"]
    assert bytes_read() - before < 2 * 10**6


def test_a_column_that_is_there_twice_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("a,b,a\n1,2,3\n")
    with pytest.raises(ValueError, match="has more than one column 'a'"):
        open_source(tmp_path / "a.csv")


def test_the_hash_of_a_file_is_that_of_its_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert file_hash(tmp_path / "a").startswith("ba7816bf8f01cfea414140de5dae2223")
