"""A kind of data that is not in the package: strings of bits, explained, sent, saved and shown.

What is defined here is all that such a kind needs; nothing in `lime_jax` knows of it.
"""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from sklearn.base import BaseEstimator

import lime_jax
from lime_jax import engine
from lime_jax.fits.linear import LinearMethod
from lime_jax.front import call
from lime_jax.front.batch_model import BatchModel
from lime_jax.front.options import ExplainOptions
from lime_jax.front.ragged import joined
from lime_jax.front.row_ids import hash_ids
from lime_jax.models.opening import as_predict_fn
from lime_jax.results.arrow import LONG_COLUMNS, explanations_of, rows_table
from lime_jax.results.explanations import Explanations
from lime_jax.results.kinds import per_row
from lime_jax.results.names import FeatureNames
from lime_jax.stages.designs import make_design
from lime_jax.stages.kernels import exponential_kernel
from lime_jax.stages.masks import MaskSamples, mask_coordinates, mask_view, masks_of
from lime_jax.typing import pytree, static

WIDTH = 8


@pytree
class Bits:
    """A string of at most eight bits as the device knows it."""

    bits: Any
    present: Any


@pytree
class BitDomain:
    """Each bit shown, or 0."""

    keep_probability: Any
    sample_size: int = static(default=WIDTH)
    shared: ClassVar[bool] = False
    background_weights: ClassVar[None] = None

    def realize(self, instance, draws):
        return MaskSamples(masks_of(draws, instance.present, self.keep_probability))

    def inputs(self, instance, samples):
        return jnp.where(samples.masks, jnp.asarray(instance.bits), 0)

    def view(self, instance, samples):
        return mask_view(samples, instance.present)

    def coordinates(self, instance):
        return mask_coordinates(instance.present)


@dataclasses.dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class BitExplanations(Explanations):
    kind: ClassVar[str] = "bits"
    subject: ClassVar[str] = "string"
    heads: ClassVar[tuple[str, str]] = ("bit", "is")
    features_by_row: ClassVar[bool] = True

    strings: tuple[str, ...] = per_row("text", "string")
    alphabet: str = "01"

    @property
    def present(self):
        return self.variables > 0

    def value_texts(self, rows, feature):
        return [self.alphabet[int(value)] for value in self.values[rows, feature]]


class BitCall(call.Call[BatchModel, BitExplanations]):
    def __init__(self, explainer, strings):
        self.explainer, self.X = explainer, strings
        self.width = max(map(len, strings), default=0)
        self.present = np.array([[k < len(s) for k in range(WIDTH)] for s in strings])
        padded = [s.ljust(WIDTH, "0") for s in strings]
        self.bits = np.array([[float(bit) for bit in s] for s in padded], np.float32)
        self.present, self.bits = (a.reshape(-1, WIDTH) for a in (self.present, self.bits))

    def __len__(self):
        return len(self.X)

    def content_ids(self):
        return hash_ids(self.X)

    def open_model(self, model):
        return BatchModel(as_predict_fn(model, None))

    def predict(self, model, batch_size):
        return model.predict_batch(self.bits)

    def fit(self, model, request):
        domain = BitDomain(jnp.asarray(0.5, jnp.result_type(float)))
        instances = Bits(self.bits, self.present)
        method = LinearMethod(
            design=make_design("iid", request.options.first_size(512), WIDTH),
            kernel_width=1.0,
            alpha=0.01,
            distance="cosine",
            kernel=exponential_kernel,
            feature_selection="none",
            num_features=None,
        )

        def inputs_of(samples, taken):
            taken = jax.tree.map(lambda leaf: leaf[taken], instances)
            return engine.render(domain, taken, samples)

        rows = engine.Rows(instances, request.ids, request.labels.astype(np.int32))
        fit = engine.explain(
            engine.Work(0, domain, method, model.target, rows, inputs_of, progress=request.tick)
        )
        fit = joined([(fit, np.arange(len(self)))], self.width)
        return [
            call.Outcome(
                fit=fit,
                names=FeatureNames(tuple(f"bit {k}" for k in range(self.width))),
                values=self.bits[:, : self.width].astype(np.float64),
                variables=self.present[:, : self.width].astype(np.float32),
                samples_used=np.full(len(self), method.design.num_samples),
                num_samples=method.design.num_samples,
                num_replicates=method.design.num_groups,
                kernel_width=1.0,
            )
        ]

    def pack(self, fit, **fields):
        return BitExplanations.of_fit(fit, **fields, strings=tuple(self.X))


class BitExplainer(BaseEstimator):
    min_block_rows: ClassVar[int] = 1
    columns = ("bits",)
    learned = None

    def __init__(self, algorithm="lime", link="identity", mode=None, output=None, class_names=None):
        self.algorithm, self.link, self.mode = algorithm, link, mode
        self.output, self.class_names = output, class_names

    def explain(self, X, model, num_samples=512, row_ids=None, progress=None):
        options = ExplainOptions(num_samples=num_samples, row_ids=row_ids, progress=progress)
        return call.explain(BitCall(self, list(X)), model, options)[0]

    def rows(self, X):
        return list(X)

    def rows_of(self, batch, columns):
        return batch[columns[0]].to_pylist()


STRINGS = ["10110", "111", "00000001", "1", "01010101", "11"]
WEIGHTS = np.array([1.0, 2, 3, -4, 5, -6, 7, 8])


def number(batch):
    return np.asarray(batch) @ WEIGHTS


@pytest.fixture(scope="module")
def explanations():
    return BitExplainer().explain(STRINGS, number)


def assert_same(found, expected):
    assert type(found) is BitExplanations
    assert found.strings == expected.strings
    assert found.names == expected.names
    for name in ("coef", "std_error", "variables", "prediction", "key_ids"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), name)


def test_a_bit_weighs_what_it_adds(explanations):
    assert repr(explanations).startswith("BitExplanations(6 strings, 1 labels, 8 features, sampled")
    weights = dict(explanations[0].as_list())
    assert weights.keys() == {f"bit {k}" for k in range(5)}
    expected = [w * (bit == "1") for w, bit in zip(WEIGHTS, STRINGS[0], strict=False)]
    np.testing.assert_allclose([weights[f"bit {k}"] for k in range(5)], expected, atol=0.05)
    assert explanations[1].row_name == "string 1"


def test_rows_are_cut_and_joined(explanations):
    parts = [explanations[:2], explanations[2:]]
    assert_same(lime_jax.concatenate(parts), explanations)
    alone = BitExplainer().explain(STRINGS[:2], number)
    assert alone.coef.shape[2] == 5
    joined = lime_jax.concatenate([alone, explanations[2:]])
    np.testing.assert_allclose(joined.coef, explanations.coef, atol=1e-5)
    with pytest.raises(ValueError, match="alphabet of part 0 is '01'"):
        lime_jax.concatenate([parts[0], dataclasses.replace(parts[1], alphabet="ab")])


def test_tables_have_a_line_for_each_bit_there_is(explanations):
    table = explanations.to_arrow()
    assert table.column_names == list(LONG_COLUMNS)
    assert table.num_rows == len(explanations.to_pandas()) == sum(map(len, STRINGS))
    assert table["value"].to_pylist()[:5] == list(STRINGS[0])
    rows = rows_table(explanations)
    assert rows["string"].to_pylist() == STRINGS
    assert [len(bits) for bits in rows["feature"].to_pylist()] == [len(s) for s in STRINGS]
    assert_same(explanations_of(rows), explanations)


def test_a_file_is_read_back(explanations, tmp_path):
    explanations.save(tmp_path / "bits.npz")
    assert_same(lime_jax.load(tmp_path / "bits.npz"), explanations)


def test_a_page_shows_strings(explanations):
    page = explanations.as_html(rows=[0, 2], title="Numbers")
    assert "string 2" in page
    assert "bit 0" in page
    assert "matter most" not in page
    with pytest.raises(ValueError, match="each of these strings has features of its own"):
        explanations.importance()


def test_a_job_explains_a_file(explanations, tmp_path):
    pyarrow.parquet.write_table(
        pa.table({"bits": STRINGS, "more": STRINGS}), tmp_path / "b.parquet"
    )
    from lime_jax.jobs import explain_file

    out = tmp_path / "out"
    stored = explain_file(BitExplainer(), tmp_path / "b.parquet", number, out, rows_per_part=4)
    assert_close(stored[:], explanations)
    assert stored[5].explanations.strings
    assert "string 3" in stored.as_html(rows=[3])
    with pytest.raises(ValueError, match="has no column 'letters'"):
        explain_file(
            BitExplainer(), tmp_path / "b.parquet", number, tmp_path / "no", columns=["letters"]
        )


def assert_close(found, expected):
    assert type(found) is BitExplanations
    assert found.strings == expected.strings
    np.testing.assert_array_equal(found.key_ids, expected.key_ids)
    np.testing.assert_allclose(found.coef, expected.coef, atol=1e-5)


def test_ray_explains_blocks(explanations, monkeypatch):
    pytest.importorskip("ray")
    from lime_jax.distributed import ray as on_ray

    where = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(where))  # workers import this module
    found = on_ray.explain(BitExplainer(), STRINGS, number, num_workers=1, batch_size=3)
    assert_close(found, explanations)
