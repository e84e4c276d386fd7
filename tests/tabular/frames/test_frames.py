"""The table at the door: what comes in goes back out, dtype and all."""

import datetime
import pickle
import subprocess
import sys
from decimal import Decimal

import jax.numpy as jnp
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from lime_jax.tabular.frames import (
    Schema,
    align,
    decode,
    encode,
    learn_schema,
    num_rows,
    take_rows,
)

NAN = float("nan")
DAYS = ["2020-01-01", None, "1969-12-30 23:59:59.123457"]
UTC = datetime.UTC

CENTS = [Decimal("1.15"), None, Decimal("-0.07")]

PANDAS = {  # column -> (values, is it categorical, is the round trip exact)
    "str": (pd.Series(["b", None, "a"]), True),
    "object": (pd.Series(["b", None, "a"], dtype=object), True),
    "object nan": (pd.Series(["b", NAN, 1], dtype=object), True),
    "object numbers": (pd.Series([1.5, NAN, 2.0], dtype=object), False),
    "string": (pd.Series(["b", None, "a"], dtype="string"), True),
    "arrow string": (pd.Series(["b", None, "a"], dtype="string[pyarrow]"), True),
    "category": (pd.Series(pd.Categorical(["x", None, "y"], ["z", "y", "x"])), True),
    "ordered": (pd.Series(pd.Categorical(["x", None, "y"], ["z", "y", "x"], True)), True),
    "integer category": (pd.Series(pd.Categorical([3, 1, 3])), True),
    "bool": (pd.Series([True, False, True]), True),
    "boolean": (pd.Series([True, None, False], dtype="boolean"), True),
    "arrow bool": (pd.Series([True, None, False], dtype="bool[pyarrow]"), True),
    "float64": (pd.Series([1.5, NAN, -2.0]), False),
    "float32": (pd.Series([1.5, NAN, -2.0], dtype="float32"), False),
    "Float64": (pd.Series([1.5, None, -2.0], dtype="Float64"), False),
    "Float32": (pd.Series([1.5, None, -2.0], dtype="Float32"), False),
    "arrow float": (pd.Series([1.5, None, -2.0], dtype="float[pyarrow]"), False),
    "int64": (pd.Series([1, 2, 3]), False),
    "Int64": (pd.Series([1, None, 3], dtype="Int64"), False),
    "uint8": (pd.Series([1, 2, 255], dtype="uint8"), False),
    "UInt8": (pd.Series([1, None, 255], dtype="UInt8"), False),
    "arrow int": (pd.Series([1, None, 3], dtype="int64[pyarrow]"), False),
    "arrow decimal": (pd.Series(CENTS, dtype=pd.ArrowDtype(pa.decimal128(10, 2))), False),
    "object ints": (pd.Series([1, NAN, 2**40], dtype=object), False),
    "object decimals": (pd.Series([CENTS[0], NAN, CENTS[2]], dtype=object), False),
    "datetime": (pd.to_datetime(pd.Series(DAYS), format="ISO8601"), False),
    "datetime ns": (
        pd.to_datetime(pd.Series(DAYS), format="ISO8601").astype("datetime64[ns]"),
        False,
    ),
    "datetime tz": (
        pd.to_datetime(pd.Series(DAYS), format="ISO8601").dt.tz_localize("Europe/Paris"),
        False,
    ),
    "timedelta": (pd.to_timedelta(pd.Series([1.5, None, -3e-6]), unit="s"), False),
    "arrow date": (pd.Series([0, None, -3], dtype=pd.ArrowDtype(pa.date32())), False),
}

POLARS = {
    "String": (pl.Series(["b", None, "a"]), True),
    "Categorical": (pl.Series(["b", None, "a"], dtype=pl.Categorical), True),
    "Enum": (pl.Series(["x", None, "y"], dtype=pl.Enum(["z", "y", "x"])), True),
    "Boolean": (pl.Series([True, None, False]), True),
    "Float64": (pl.Series([1.5, None, -2.0]), False),
    "Float64 nan": (pl.Series([1.5, NAN, -2.0]), False),
    "Float32": (pl.Series([1.5, None, -2.0], dtype=pl.Float32), False),
    "Int64": (pl.Series([1, None, 3]), False),
    "UInt8": (pl.Series([1, None, 3], dtype=pl.UInt8), False),
    "Decimal": (pl.Series(["1.5", None, "3"]).cast(pl.Decimal(10, 2)), False),
    "Date": (pl.Series([1, None, -3], dtype=pl.Date), False),
    "Datetime": (pl.Series([1, None, -3], dtype=pl.Datetime("us")), False),
    "Datetime tz": (pl.Series([1, None, -3], dtype=pl.Datetime("ms", "Asia/Tokyo")), False),
    "Duration": (pl.Series([1, None, -3], dtype=pl.Duration("us")), False),
}


def pandas_frame():
    return pd.DataFrame({name: column for name, (column, _) in PANDAS.items()})


def polars_frame():
    return pl.DataFrame({name: column for name, (column, _) in POLARS.items()})


def round_trip(X, **options):
    schema = learn_schema(X, **options)
    return decode(schema, encode(schema, X))


@pytest.mark.parametrize("name", PANDAS)
def test_pandas_columns_come_back(name):
    column, categorical = PANDAS[name]
    frame = column.to_frame("x")
    assert learn_schema(frame).categorical == (categorical,)
    back = round_trip(frame)
    pd.testing.assert_frame_equal(back, frame, check_exact=True)
    assert list(map(type, back["x"])) == list(map(type, frame["x"]))


@pytest.mark.parametrize("missing", [None, pd.NA, pd.NaT])
def test_a_missing_number_among_objects_comes_back_as_nan(missing):
    back = round_trip(pd.DataFrame({"x": pd.Series([1.5, missing, 2], dtype=object)}))
    expected = pd.DataFrame({"x": pd.Series([1.5, NAN, 2.0], dtype=object)})
    pd.testing.assert_frame_equal(back, expected)


@pytest.mark.parametrize("name", POLARS)
def test_polars_columns_come_back(name):
    column, categorical = POLARS[name]
    frame = pl.DataFrame({"x": column})
    assert learn_schema(frame).categorical == (categorical,)
    back = round_trip(frame)
    assert isinstance(back, pl.DataFrame)
    assert back.schema == frame.schema
    assert back.equals(frame)


@pytest.mark.parametrize("name", POLARS)
def test_pyarrow_columns_come_back(name):
    table = pl.DataFrame({"x": POLARS[name][0]}).to_arrow()
    back = round_trip(table)
    assert isinstance(back, pa.Table)
    assert back.schema.equals(table.schema)
    np.testing.assert_equal(back.to_pylist(), table.to_pylist())  # NaN is NaN


@pytest.mark.parametrize("make", [pandas_frame, polars_frame, lambda: polars_frame().to_arrow()])
def test_whole_frames_survive_pickling_and_encode_again_to_the_same(make):
    frame = make()
    schema = pickle.loads(pickle.dumps(learn_schema(frame)))
    codes = encode(schema, frame)
    assert codes.shape == (3, len(schema.columns))
    np.testing.assert_array_equal(encode(schema, decode(schema, codes)), codes)


@pytest.mark.parametrize(
    ("X", "dtype"),
    [
        (np.array([[1.5, NAN], [2.5, 3.5]]), np.float64),
        (np.array([[1.5, NAN], [2.5, 3.5]], np.float32), np.float32),
        (np.array([[1, 2], [3, 4]]), np.int64),
        (np.array([[1, 2], [3, 4]], np.uint8), np.uint8),
        (np.array([["a", 1], [None, 2**40]], dtype=object), np.object_),
        (np.array([[True, False], [True, True]]), np.bool_),
        (np.array([["a", "bcd"], ["e", "f"]]), np.dtype("U3")),
        (np.array([["a", 1.5], [None, 2.5]], dtype=object), np.object_),
        (np.array([[True, 1.5], [False, NAN]], dtype=object), np.object_),
    ],
)
def test_arrays_come_back(X, dtype):
    back = round_trip(X)
    assert back.dtype == dtype
    assert back is not X
    pd.testing.assert_frame_equal(pd.DataFrame(back), pd.DataFrame(X), check_dtype=False)


WHOLE = {
    "numpy": (lambda values, dtype: np.array([values], dtype).T, {"u1": "u1", "i8": "i8"}),
    "pandas": (
        lambda values, dtype: pd.DataFrame({"x": pd.Series(values, dtype=dtype)}),
        {"u1": "uint8", "i8": "int64", "nullable": "UInt8", "arrow": "uint8[pyarrow]"},
    ),
    "polars": (
        lambda values, dtype: pl.DataFrame({"x": pl.Series(values, dtype=dtype)}),
        {"u1": pl.UInt8, "i8": pl.Int64},
    ),
    "pyarrow": (
        lambda values, dtype: pa.table({"x": pa.array(values, dtype)}),
        {"u1": pa.uint8(), "i8": pa.int64()},
    ),
}


@pytest.mark.parametrize(
    ("library", "dtype"), [(name, kind) for name, (_, kinds) in WHOLE.items() for kind in kinds]
)
def test_what_an_integer_column_cannot_hold_is_never_cut_off(library, dtype):
    make, kinds = WHOLE[library]
    schema = learn_schema(make([1, 2, 3], kinds[dtype]))
    for values in ([7.0, 2.5], [300.0, -1.0], [1e30, 1.0], [NAN, 5.0]):
        back = decode(schema, np.array([values]).T)
        np.testing.assert_array_equal(encode(schema, back)[:, 0], values)


def test_lists_and_jax_arrays_are_tables():
    rows = [["a", 1.5, True], ["b", 2.0, False]]
    schema = learn_schema(rows)
    assert schema.categorical == (True, False, True)
    np.testing.assert_array_equal(encode(schema, rows), [[0, 1.5, 1], [1, 2.0, 0]])
    np.testing.assert_array_equal(round_trip(jnp.ones((2, 2))), np.ones((2, 2)))


@given(
    st.lists(
        st.tuples(
            st.text(max_size=3) | st.none(),
            st.floats(allow_infinity=False),
            st.booleans(),
            st.datetimes(datetime.datetime(1834, 1, 1), datetime.datetime(2106, 1, 1)),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_any_rows_come_back_exactly(rows):
    columns = dict(zip("sfbt", zip(*rows, strict=True), strict=True))
    frame = pl.DataFrame(columns, schema={"s": pl.String, "f": pl.Float64, "b": pl.Boolean,
                                          "t": pl.Datetime("us")})  # fmt: skip
    back = round_trip(frame)
    assert back.schema == frame.schema
    assert back.equals(frame)


@pytest.mark.parametrize(
    ("column", "levels"),
    [
        (pd.Series(["b", None, "a"]), ("a", "b", None)),
        (pd.Series(pd.Categorical(["x", "y", None], ["z", "y", "x"])), ("y", "x", None)),
        (pd.Series([True, False]), (False, True)),
        (pd.Series(["a", 2, True, 1.5], dtype=object), (True, 1.5, 2, "a")),
        (pl.Series(["x", "y"], dtype=pl.Enum(["z", "y", "x"])), ("y", "x")),
        (pl.Series(["x", "y"], dtype=pl.Categorical), ("x", "y")),
    ],
)
def test_levels_are_those_seen_in_category_or_sorted_order_missing_last(column, levels):
    frame = (pd if isinstance(column, pd.Series) else pl).DataFrame({"x": column})
    assert learn_schema(frame).levels == (levels,)


def test_declared_integer_columns_keep_their_integers():
    frame = pd.DataFrame({"a": [10, 30, 20], "b": [1.0, 2.0, 3.0]})
    for declared in (["a"], [0], [np.int64(0)]):
        schema = learn_schema(frame, categorical_features=declared)
        assert schema.levels == ((10, 20, 30), None)
        pd.testing.assert_frame_equal(decode(schema, encode(schema, frame)), frame)
    array = learn_schema(np.array([[10.0, 1], [30, 2], [NAN, 3]]), categorical_features=[0])
    assert array.levels == ((10.0, 30.0, None), None)
    np.testing.assert_array_equal(encode(array, [[NAN, 1.0], [30.0, 2.0]]), [[2, 1], [1, 2]])


def test_frames_are_matched_by_name_whatever_the_library_order_or_extra_columns():
    frame = pd.DataFrame({"s": ["a", "b"], "f": [1.0, 2.0]})
    schema = learn_schema(frame)
    other = pl.DataFrame({"extra": [0, 0], "f": [2.0, 1.0], "s": ["b", "z"]})
    np.testing.assert_array_equal(encode(schema, other), [[1, 2], [-1, 1]])
    expected = pd.DataFrame({"s": ["b", "z"], "f": [2.0, 1.0]})
    pd.testing.assert_frame_equal(align(schema, other), expected)
    shuffled = expected.assign(extra=0)[["extra", "f", "s"]]
    pd.testing.assert_frame_equal(align(schema, shuffled), expected)
    assert align(schema, frame) is frame


def test_frames_and_arrays_stand_in_for_each_other_where_that_is_clear():
    frame = pd.DataFrame({"a": [1, 2], "b": [3.0, 4.0]})
    matrix = frame.to_numpy()
    by_frame = learn_schema(frame)
    np.testing.assert_array_equal(encode(by_frame, matrix), matrix)
    pd.testing.assert_frame_equal(align(by_frame, matrix), frame, check_dtype=False)
    by_array = learn_schema(matrix.astype(np.float32), feature_names=["b", "a"])
    np.testing.assert_array_equal(encode(by_array, frame), matrix[:, ::-1])
    assert align(by_array, matrix).dtype == np.float32


def test_pandas_columns_that_are_not_strings_come_back():
    frame = pd.DataFrame(np.eye(2), columns=[10, 20])
    pd.testing.assert_index_equal(round_trip(frame).columns, frame.columns)
    frame[10] = ["a", "b"]
    pd.testing.assert_index_equal(round_trip(frame).columns, frame.columns)


@pytest.mark.parametrize(
    ("train", "row", "without"),
    [
        (pd.DataFrame({"x": ["a", "b"]}), pd.DataFrame({"x": ["z"]}), None),
        (pd.DataFrame({"x": ["a", "b"]}, dtype=object), pd.DataFrame({"x": ["z"]}), None),
        (
            pd.DataFrame({"x": pd.Categorical(["a", "b"], ["a", "b", "z"])}),
            pd.DataFrame({"x": pd.Categorical(["z"])}),
            None,
        ),
        (pl.DataFrame({"x": ["a", "b"]}), pl.DataFrame({"x": ["z"]}), None),
        (
            pl.DataFrame({"x": ["a", "b"]}, schema={"x": pl.Enum(["a", "b", "z"])}),
            pl.DataFrame({"x": ["z"]}),
            None,
        ),
        (pl.DataFrame({"x": ["a", "b"]}, schema={"x": pl.Categorical}), [["z"]], None),
        (pa.table({"x": ["a", "b"]}), pa.table({"x": ["z"]}), None),
        (pa.table({"x": pa.array(["a", "b"]).dictionary_encode()}), pa.table({"x": ["z"]}), None),
        (np.array([["a"], ["b"]]), np.array([["longer z"]]), ""),
        (np.array([["a"], ["b"]], dtype=object), np.array([["z"]]), None),
    ],
)
def test_a_level_never_seen_is_taken_from_the_row_itself(train, row, without):
    if isinstance(row, list):
        row = pl.DataFrame({"x": row[0]}, schema={"x": pl.Categorical})
    schema = learn_schema(train)
    codes = np.array([[1.0], [-1.0], [0.0]])
    assert encode(schema, row).item() == -1
    back = decode(schema, codes, row)
    seen = encode(schema, back)
    np.testing.assert_array_equal(seen, codes)
    own = _values(row)[0]
    assert _values(back) == ["b", own, "a"]
    missing = _values(decode(schema, codes))
    assert missing[1] == without or (without is None and missing[1] != missing[1])
    if hasattr(train, "dtypes") and not isinstance(train, np.ndarray):
        assert list(back.dtypes) == list(train.dtypes)
    if isinstance(train, pa.Table):
        assert back.schema.equals(train.schema)


def _values(table):
    if isinstance(table, np.ndarray):
        return table[:, 0].tolist()
    column = table["x"]
    return column.tolist() if isinstance(column, pd.Series) else list(column.to_pylist()
        if isinstance(column, pa.ChunkedArray) else column.to_list())  # fmt: skip


def test_each_sample_takes_the_level_of_its_own_row():
    schema = learn_schema(pd.DataFrame({"x": ["a", "b"], "i": [1, 2]}), [1])
    rows = pd.DataFrame({"x": ["y", "z"], "i": [8, 9]})
    back = decode(schema, np.array([[-1.0, 0], [-1, -1], [0, -1]]), rows, np.array([0, 1, 0]))
    pd.testing.assert_frame_equal(back, pd.DataFrame({"x": ["y", "z", "a"], "i": [1, 9, 8]}))


def test_numbers_never_seen_in_a_categorical_column_come_back_too():
    array = learn_schema(np.array([[1], [2]]), categorical_features=[0])
    np.testing.assert_array_equal(
        decode(array, np.array([[-1.0], [0.0]]), [[7]]), np.array([[7.0], [1.0]])
    )
    frame = learn_schema(pd.DataFrame({"b": [True, False]}))
    assert decode(frame, np.array([[-1.0], [1.0]]))["b"].isna().tolist() == [True, False]
    integers = learn_schema(pd.DataFrame({"i": [1, 2]}), ["i"])
    np.testing.assert_array_equal(decode(integers, np.array([[-1.0], [1.0]]))["i"], [NAN, 2])


def test_a_pipeline_sees_the_same_frame_without_a_warning(rng):
    frame = pd.DataFrame(
        {
            "city": rng.choice(["Rome", "Oslo", "Lima"], 60),
            "kind": pd.Categorical(rng.choice(["x", "y"], 60)),
            "flag": rng.random(60) < 0.5,
            "size": rng.normal(size=60),
            "count": rng.integers(0, 9, 60),
        }
    )
    frame.loc[::7, "city"] = None
    target = (frame["size"] + frame["flag"] > 0.5).astype(int)
    encoder = ColumnTransformer(
        [
            ("text", OneHotEncoder(handle_unknown="error"), ["city", "kind", "flag"]),
            ("numbers", StandardScaler(), ["size", "count"]),
        ]
    )
    model = Pipeline([("encode", encoder), ("fit", LogisticRegression())]).fit(frame, target)
    back = round_trip(frame)
    np.testing.assert_array_equal(model.predict_proba(back), model.predict_proba(frame))


@pytest.mark.parametrize("make", [pandas_frame, polars_frame, lambda: polars_frame().to_arrow()])
def test_zero_rows_are_an_empty_table(make):
    frame = make()
    schema = learn_schema(frame)
    none = take_rows(frame, 0, 0)
    assert num_rows(none) == 0
    codes = encode(schema, none)
    assert codes.shape == (0, len(schema.columns))
    assert num_rows(decode(schema, codes)) == 0
    assert encode(learn_schema(np.ones((2, 3))), np.ones((0, 3))).shape == (0, 3)


def test_rows_are_sliced_in_their_own_type():
    frame = pandas_frame()
    pd.testing.assert_frame_equal(take_rows(frame, 1, 3), frame.iloc[1:3])
    assert take_rows(polars_frame(), 1, 9).equals(polars_frame()[1:])
    assert take_rows(polars_frame().to_arrow(), 0, 2).num_rows == 2
    np.testing.assert_array_equal(take_rows([[1, 2], [3, 4]], 1, 2), [[3, 4]])


def test_the_schema_keeps_no_training_row(rng):
    frame = pd.DataFrame({"x": rng.normal(size=20_000), "s": rng.choice(["a", "b"], 20_000)})
    for table in (frame, pl.from_pandas(frame), frame.to_numpy()):
        assert len(pickle.dumps(learn_schema(table))) < 5_000


def test_what_decode_returns_is_the_callers_own():
    schema, values = learn_schema(np.ones((2, 2))), np.ones((2, 2))
    decode(schema, values)[:] = 0
    frame = decode(learn_schema(pd.DataFrame({"a": [1.0], "b": [2.0]})), values)
    frame.iloc[:] = 0
    np.testing.assert_array_equal(values, 1)


FRAME = pd.DataFrame({"a": [1.0, 2.0], "s": ["x", "y"], "t": pd.to_datetime(["2020", "2021"])})
LISTS = pd.DataFrame({"v": [[1], [2]]})


@pytest.mark.parametrize(
    ("train", "X", "message"),
    [
        (np.ones((2, 3)), np.ones((2, 4)), r"`X` must have shape \(rows, 3\).*got \(2, 4\)"),
        (np.ones((2, 3)), np.ones(3), r"got \(3,\).*X\.reshape\(1, -1\)"),
        (np.ones((2, 3)), np.ones((1, 2, 3)), r"got \(1, 2, 3\)"),
        (np.ones((2, 3)), [[1.0], [1.0, 2.0]], "rows of one length"),
        (np.ones((2, 3)), np.ones((2, 3)) + 1j, "complex128"),
        (np.ones((2, 3)), scipy.sparse.csr_matrix(np.eye(3)), r"sparse.*dense.*toarray\(\)"),
        (np.ones((2, 2)), [[1.0, 2.0], [1.0, np.inf]], "column '1' has inf in row 1"),
        (FRAME, FRAME.assign(a=-np.inf), "column 'a' has -inf"),
        (np.ones((2, 2)), [[1.0, "abc"]], "column '1' must hold numbers.*'abc'"),
        (FRAME, FRAME.assign(a=["p", "q"]), "column 'a' must hold numbers.*'p'"),
        (FRAME, FRAME.assign(t=[1.0, 2.0]), "column 't' must hold datetime"),
        (FRAME, FRAME[["t", "a"]], r"lacks the columns \['s'\].*\['t', 'a'\]"),
        (FRAME, FRAME.to_numpy(), "pass a pandas frame with the columns"),
        (FRAME, FRAME.assign(s=[[1], [2]]), "column 's' must hold plain values"),
        (np.ones((2, 2)), pd.DataFrame({"a": [1.0], "b": [1.0]}), r"lacks the columns \['0', '1'"),
        (FRAME, pl.from_pandas(FRAME).lazy(), r"\.collect\(\)"),
    ],
)
def test_encode_says_what_is_wrong(train, X, message):
    schema = learn_schema(train)
    with pytest.raises(ValueError, match=message):
        encode(schema, X)


@pytest.mark.parametrize(
    ("X", "options", "message"),
    [
        (np.ones((0, 2)), {}, r"at least one row.*\(0, 2\)"),
        (FRAME, {"feature_names": ["a", "b"]}, "`feature_names` must name all 3.*got 2"),
        (np.ones((1, 2)), {"feature_names": ["a", "a"]}, r"`feature_names`.*\['a'\]"),
        (FRAME, {"categorical_features": ["q"]}, r"`categorical_features`: .*got 'q'.*'a', 's'"),
        (FRAME, {"categorical_features": [3]}, "names or numbers of the 3 columns, got 3"),
        (np.ones((1, 2)), {"categorical_features": [True, False]}, "got True"),
        (FRAME, {"categorical_names": {"a": ["p"]}}, "'a', which is numeric.*categorical_features"),
        (FRAME, {"categorical_names": {"s": ["p", "q"]}}, "of 's' must have a name for each"),
        (LISTS, {}, "column 'v' must hold plain values"),
        (pd.DataFrame(np.ones((1, 2)), columns=["a", "a"]), {}, "'a'"),
        (pl.DataFrame({"n": [None]}), {}, "column 'n' has dtype Null"),
        (pl.DataFrame({"v": [[1]]}), {}, "column 'v' has dtype List"),
    ],
)
def test_learn_schema_says_what_is_wrong(X, options, message):
    with pytest.raises(ValueError, match=message):
        learn_schema(X, **options)


def test_feature_names_rename_what_is_shown_not_what_is_matched():
    schema = learn_schema(FRAME, feature_names=["Age", "Sex", "Time"])
    assert schema.columns == ("Age", "Sex", "Time")
    np.testing.assert_array_equal(encode(schema, FRAME)[:, 1], [0, 1])


def test_names_of_levels():
    X = np.array([[0.0, 5], [2, 5], [NAN, 5]])
    names = {0: ["red", "green", "blue"]}
    schema = learn_schema(X, [0, 1], categorical_names=names)
    assert schema.names.levels[0] == ("red", "blue", "missing")
    assert schema.names.levels[1] == ("5",)
    assert learn_schema(FRAME).names.levels[0] is None
    assert learn_schema([[True], [False]]).names.levels[0] == ("False", "True")


def test_a_schema_written_by_hand_serves_an_array():
    schema = Schema("array", ("age", "sex"), (False, True), (None, (0.0, 1.0, None)))
    np.testing.assert_array_equal(encode(schema, [[3.5, NAN], [1, 1]]), [[3.5, 2], [1, 1]])
    np.testing.assert_array_equal(
        decode(schema, np.array([[3.5, 2], [1, 1]])), [[3.5, NAN], [1, 1]]
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1160.5, "1160.50"),
        (0, "0.00"),
        (-0.25, "-0.25"),
        (0.0123456, "0.0123"),
        (3.2e-7, "3.2e-07"),
        (1.6e9, "1600000000.00"),
        (1e20, "1e+20"),
        (NAN, "missing"),
    ],
)
def test_numbers_show_fitting_digits(value, text):
    assert learn_schema([[1.0]]).names.display_value(0, value) == text


COLUMNS = {
    "card numbers": (np.array([4111111111111111, 5500005555555559]), ["4111111111111111"]),
    "nanoseconds": (np.arange(4) * 10**9 + 1_700_000_000_000_000_000, ["1700000000000000000"]),
    "nanoseconds as floats": (np.arange(4) * 1e13 + 1.7e18, ["1700000000000000000"]),
    "ages": (np.array([38, 40, 51]), ["38", "40"]),
    "ages as floats": (np.array([38.0, 40.5, 51.0]), ["38.00", "40.50"]),
    "tiny": (np.array([1.5e-12, 2.25e-12, 4e-12, 0]), ["1.50e-12", "2.25e-12", "4.00e-12", "0"]),
    "near 1": (1 + np.arange(4) * 1e-6, ["1.0000000", "1.0000010"]),
    "far apart": (np.array([1e20, 3e20, 5e24]), ["1e+20", "3e+20", "5e+24"]),
    "prices": (np.array([Decimal("1.250"), Decimal("3.125")], object), ["1.250", "3.125"]),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_digits_are_those_that_tell_a_columns_numbers_apart(name):
    column, texts = COLUMNS[name]
    schema = learn_schema(pd.DataFrame({"a": column}))
    values = encode(schema, pd.DataFrame({"a": column}))[:, 0]
    shown = [schema.names.display_value(0, value) for value in values]
    assert shown[: len(texts)] == texts
    assert shown == schema.names.display_values(0, values)
    assert len(set(shown)) == len(set(values))


def test_levels_and_times_show_as_read():
    schema = learn_schema(FRAME.assign(d=pd.to_timedelta([1, 2], unit="s")))
    codes = encode(schema, FRAME.assign(d=pd.to_timedelta([1, 2], unit="s")))[1]
    shown = [schema.names.display_value(j, v) for j, v in enumerate(codes)]
    assert shown == ["2.00", "y", "2021-01-01", "2.00 s"]
    assert schema.names.display_value(2, 90.0) == "1970-01-01 00:01:30"
    assert schema.names.display_value(1, -1.0) == "unseen"


@pytest.mark.parametrize(
    "column",
    [
        pa.table({"a": [2**62 + 1, 5, None]}),
        pl.DataFrame({"a": [2**62 + 1, 5, None]}),
        pd.DataFrame({"a": pd.array([2**62 + 1, 5, None], "Int64")}),
        pd.DataFrame({"a": pd.array([2**62 + 1, 5, None], pd.ArrowDtype(pa.int64()))}),
    ],
    ids=["pyarrow", "polars", "pandas", "arrow in pandas"],
)
def test_whole_numbers_beyond_those_of_float64_are_rounded_in_every_library(column):
    encoded = encode(learn_schema(column), column)
    np.testing.assert_array_equal(encoded[:, 0], [2.0**62, 5, NAN])


@pytest.mark.parametrize("library", ["pandas", "pyarrow"])
def test_columns_of_one_name_are_refused_by_that_name(library):
    table = pd.DataFrame(np.zeros((3, 3)), columns=["b", "a", "a"])
    if library == "pyarrow":
        table = pa.Table.from_arrays([pa.array([1, 2])] * 3, names=["b", "a", "a"])
    with pytest.raises(
        ValueError, match="`X`: expected columns whose names differ, got twice: 'a';"
    ):
        learn_schema(table)


def test_time_is_seconds_since_1970():
    frame = pd.DataFrame({"t": [pd.Timestamp("1970-01-02", tz="UTC")], "d": [pd.Timedelta("1h")]})
    np.testing.assert_array_equal(encode(learn_schema(frame), frame), [[86400.0, 3600.0]])


@pytest.mark.parametrize("work", ["", "frames.learn_schema([[1.0, 2.0]]); "])
def test_importing_loads_no_dataframe_library(work):
    code = (
        f"import sys; from lime_jax.tabular import frames; {work}"
        "print(sorted({'pandas', 'polars', 'pyarrow', 'narwhals'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
