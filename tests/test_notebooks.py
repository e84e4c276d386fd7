"""The notebooks run from top to bottom without a warning and show what their text says."""

from __future__ import annotations

import json
import re
import sys
import warnings
from pathlib import Path

import pytest

with warnings.catch_warnings():
    # jupyter_core announces, while it is loaded, where its own files will be some day.
    warnings.filterwarnings("ignore", "Jupyter is migrating its paths", DeprecationWarning)
    import nbformat
    from nbclient import NotebookClient

FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
KERNEL = "this-interpreter"
EXPECTED = ("worst perimeter", "worst concave points", "worst area", "worst radius")


def outputs(notebook):
    return [output for cell in notebook.cells for output in cell.get("outputs", ())]


def printed(notebook):
    return "".join(o.text for o in outputs(notebook) if o.output_type == "stream")


def number_after(text, label):
    found = re.search(re.escape(label) + r"\s*([-+\d.e]+)", text)
    assert found, f"nothing printed after {label!r}"
    return float(found[1])


def execute(path, home, fewer=()):
    """A copy of a notebook, executed by the Python that runs the tests.

    Args:
        fewer: pairs of what stands in its code and what is to stand there, to have it sooner.
    """
    kernel = home / "kernels" / KERNEL
    kernel.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": command, "display_name": "tests", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec))

    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
            for much, less in fewer:
                cell.source = cell.source.replace(much, less)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(home))
        patch.setenv("JUPYTER_RUNTIME_DIR", str(home / "runtime"))
        patch.setenv("IPYTHONDIR", str(home / "ipython"))
        patch.delenv("MPLBACKEND", raising=False)  # else figures are not shown inline
        client = NotebookClient(
            notebook,
            timeout=300,
            kernel_name=KERNEL,
            resources={"metadata": {"path": str(home)}},
        )
        return client.execute()


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    return execute(FOLDER / "breast_cancer.ipynb", tmp_path_factory.mktemp("jupyter"))


@pytest.fixture(scope="module")
def penalized(tmp_path_factory):
    return execute(FOLDER / "explanation_penalty.ipynb", tmp_path_factory.mktemp("jupyter"))


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    fewer = [("num_samples=256", "num_samples=64"), ("num_samples=512", "num_samples=256")]
    assert all(much in (FOLDER / "images.ipynb").read_text() for much, _ in fewer)
    return execute(FOLDER / "images.ipynb", tmp_path_factory.mktemp("jupyter"), fewer)


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    return execute(FOLDER / "text.ipynb", tmp_path_factory.mktemp("jupyter"))


@pytest.fixture(scope="module")
def credit(tmp_path_factory):
    return execute(FOLDER / "credit.ipynb", tmp_path_factory.mktemp("jupyter"))


@pytest.fixture(scope="module")
def sparks(tmp_path_factory):
    return execute(FOLDER / "spark.ipynb", tmp_path_factory.mktemp("jupyter"))


@pytest.mark.parametrize("name", ["executed", "penalized", "images", "texts", "credit", "sparks"])
def test_runs_without_errors_or_warnings(request, name):
    ran = request.getfixturevalue(name)
    loud = [o for o in outputs(ran) if o.output_type == "error" or o.get("name") == "stderr"]
    assert loud == []


def test_bins_are_those_of_numpy(executed):
    assert "edges equal NumPy's: True" in printed(executed)
    assert number_after(printed(executed), "bins that differ from NumPy's:") == 0


def test_an_expected_feature_is_the_strongest(executed):
    first = printed(executed).split("for benign:\n")[1].splitlines()[0]
    assert any(name in first for name in EXPECTED)


def test_the_expected_features_lead_over_all_rows(executed):
    text = printed(executed)
    assert number_after(text, "rows led by an expected feature:") > 0.5
    assert number_after(text, "four strongest taken by the expected four:") > 0.5
    tables = [o.data["text/plain"] for o in outputs(executed) if "text/html" in o.get("data", {})]
    ranking = tables[0].splitlines()[1:]
    assert {re.split(r" {2,}", line)[0] for line in ranking[:4]} == set(EXPECTED)


def test_it_agrees_with_lime_within_its_noise(executed):
    text = printed(executed)
    two_runs = number_after(text, "typical gap between two runs of lime:")
    ours = number_after(text, "typical gap between lime and lime_jax:")
    assert 0 < ours < 1.5 * two_runs
    assert number_after(text, "correlation with lime:") > 0.95


def test_numpy_and_jax_agree_on_the_same_samples(executed):
    assert "NumPy and JAX agree on the same samples: True" in printed(executed)


def test_a_penalty_on_the_explanation_pays_where_the_shortcut_fails(penalized):
    usual, told = printed(penalized).split("with the penalty:")
    mark, same, other = (
        "|weight| of the mark:",
        "accuracy, same scanner:",
        "accuracy, other scanner:",
    )
    assert number_after(told, mark) < 0.2 * number_after(usual, mark)
    assert number_after(told, other) > number_after(usual, other) + 0.1
    assert number_after(usual, same) > number_after(told, same)


def test_the_network_sees_a_cat(images):
    first = printed(images).splitlines()[0]
    assert first.split(maxsplit=1)[1] == "Egyptian cat"


def test_the_fair_shares_add_up(images):
    assert abs(number_after(printed(images), "hidden + sum of the shares - photo:")) < 1e-5


def test_standard_errors_say_how_far_another_seed_is_off(images):
    percent = number_after(printed(images), "differ by less than two standard errors:")
    assert 80 <= percent <= 100  # of 40 weights; 95 are expected


def test_a_model_on_the_host_has_the_same_explanation(images):
    text = printed(images)
    assert "espresso: " in text
    assert number_after(text, "largest difference of two weights:") < 1e-4


def test_words_of_a_subject_speak_for_it(texts):
    said = printed(texts)
    assert number_after(said, "subjects named right:") > 0.85
    assert "1 by word counts in JAX" in said
    assert "filter" in re.search(r" signal: (.*)", said)[1]
    assert "distribution" in re.search(r" stats: (.*)", said)[1]


def test_two_runs_of_texts_differ_by_their_errors(texts):
    assert 90 <= number_after(printed(texts), "differ by less than two standard errors:") <= 99


def test_margins_of_counts_need_no_samples(texts):
    said = printed(texts)
    assert "method: exact and exact" in said
    assert number_after(said, "largest difference of LIME and KernelSHAP:") < 1e-5
    assert number_after(said, "sum of the shares - margin:") < 1e-4


def test_income_counts_for_those_who_are_employed(credit):
    said = printed(credit)
    assert "method: exact" in said
    employee = number_after(said, "|value| of income, employee:")
    assert employee > number_after(said, "|value| of income, self-employed:") + 0.1
    assert number_after(said, "AUC on the test rows:") > 0.75


def test_more_samples_are_more_stable(credit):
    many, few = re.findall(r"all the same in (\d+)% of other seeds", printed(credit))
    assert int(many) > int(few)
    assert "3 figures" in printed(credit)


def test_a_pipeline_of_spark_says_the_same_by_hand_here_and_in_workers(sparks):
    said = printed(sparks)
    assert number_after(said, "predicted right:") > 0.7
    assert number_after(said, "largest difference to the shares by hand:") < 1e-5
    assert "method: exact" in said
    assert number_after(said, "rows:") == 400
    assert number_after(said, "largest difference to this process:") < 1e-5


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_committed_outputs_are_complete_and_clean(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert all(o.output_type != "error" and o.get("name") != "stderr" for o in outputs(notebook))
    assert notebook.metadata.kernelspec.name == "python3"
    assert all(cell.metadata == {} for cell in notebook.cells)
    text = path.read_text()
    assert len(text) < 600_000
    assert not re.search(
        r"/(home|work|tmp|root|Users)/", re.sub(r'"image/(png|jpeg)": "[^"]*"', "", text)
    )
