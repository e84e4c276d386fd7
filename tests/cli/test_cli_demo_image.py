"""`lime-jax demo-image` explains photos and models of one's own; errors are one line."""

import re

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from lime_jax.cli import demo_image as command
from lime_jax.cli import main
from lime_jax.cli.image_models import load_classifier
from lime_jax.examples import load_photo, squeezenet_onnx

SIZE = 32


def color_model(shape=("images", SIZE, SIZE, 3), softmax=True, axes=None):
    """A class per color: its mean over the image; the layout comes from the shape."""
    axes = axes or ([2, 3] if shape[1] == 3 else [1, 2])
    scale = numpy_helper.from_array(np.float32(0.05), "scale")
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["means"], axes=axes, keepdims=0),
        helper.make_node("Mul", ["means", "scale"], ["scores"]),
    ]
    if softmax:
        nodes.append(helper.make_node("Softmax", ["scores"], ["probabilities"], axis=-1))
    graph = helper.make_graph(
        nodes,
        "colors",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, None)],
        [scale],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A picture, red on its left, and a model that looks at colors."""
    pixels = np.full((40, 60, 3), 30, np.uint8)
    pixels[:, :30, 0] = 200
    pixels[:, 30:, 2] = 120
    Image.fromarray(pixels).save(tmp_path / "red.png")
    onnx.save(color_model(), tmp_path / "colors.onnx")
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "text.onnx").write_text("no model")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "use_compilation_cache", lambda: None)
    return tmp_path


def run(**options):
    given = {"image": "red.png", "model": "colors.onnx", "num_samples": "256", "out": "out"}
    return main(
        ["demo-image"]
        + [
            f"--{name.replace('_', '-')}={value}"
            for name, value in {**given, **options}.items()
            if value is not None
        ]
    )


def rows_of(text):
    """The printed weights, by the title of their table."""
    tables = re.split(r"\n\n", text)[1:-1]
    return {
        table.splitlines()[0].partition(":")[0]: np.array(
            [[float(cell.replace(",", "")) for cell in line.split()] for line in lines]
        )
        for table in tables
        for lines in [table.splitlines()[2:]]
    }


def test_a_photo_and_a_model_of_ones_own(folder, capsys):
    assert run() == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out.startswith("Explaining what colors.onnx sees in red.png ...\n")
    weights = rows_of(said.out)
    assert list(weights) == ["0", "2"]  # the classes have numbers; red, then blue
    for table in weights.values():
        assert (np.diff(np.abs(table[:, 2])) <= 1e-4).all()  # strongest first
        assert (table[:, 3] >= 0).all()
    pictures = [
        f"{rank}-{label}-{name}.png"
        for rank, label in [(1, 0), (2, 2)]
        for name in ("lime", "kernel-shap")
    ]
    for name in ["report.html", *pictures]:
        assert f"out/{name}" in said.out
    assert sorted(path.name for path in (folder / "out").iterdir()) == sorted(
        ["report.html", *pictures]
    )
    for name in pictures:
        with Image.open(folder / "out" / name) as picture:
            assert min(picture.size) > 200
    page = (folder / "out" / "report.html").read_text("utf-8")
    assert "<title>What colors.onnx sees in red.png</title>" in page
    headings = re.findall(r"<summary>.*?(LIME|KernelSHAP): .*?(\d)", page)
    assert headings == [("LIME", "0"), ("KernelSHAP", "0"), ("LIME", "2"), ("KernelSHAP", "2")]


def test_the_default_is_squeezenet_and_the_cat(folder, capsys, monkeypatch):
    asked = {}

    def explain(algorithm, photo, model, num_samples):
        asked.update(photo=photo, model=model, num_samples=num_samples)
        raise ValueError("asked")

    monkeypatch.setattr(command, "_explain", explain)
    assert main(["demo-image"]) == 2
    assert "SqueezeNet 1.1 sees in chelsea" in capsys.readouterr().out
    np.testing.assert_array_equal(asked["photo"], load_photo("chelsea"))
    assert asked["model"].class_names[285] == "Egyptian cat"
    assert asked["num_samples"] == 1000


def test_squeezenet_in_a_file_is_squeezenet(folder):
    onnx.save(squeezenet_onnx(), folder / "squeezenet.onnx")
    ours, theirs = load_classifier(None), load_classifier("squeezenet.onnx")
    assert theirs.size == ours.size == (227, 227)
    assert theirs.class_names == ours.class_names
    photo = load_photo("coffee")[None]
    np.testing.assert_allclose(theirs.predict(photo), ours.predict(photo), atol=1e-5)


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((None, 20, 30, 3), (20, 30)),
        ((None, 3, 20, 30), (20, 30)),
        ((None, None, None, 3), (224, 224)),
        ((None, 3, "height", "width"), (224, 224)),
        ((1, 20, 30, 3), (20, 30)),
        ((4, 3, 20, 30), (20, 30)),
    ],
)
@pytest.mark.parametrize("softmax", [True, False])
def test_layout_size_and_batch_are_those_of_the_input(folder, rng, shape, size, softmax):
    onnx.save(color_model(shape, softmax), folder / "colors.onnx")
    model = load_classifier("colors.onnx")
    assert model.size == size
    assert model.class_names is None
    images = rng.integers(0, 256, (5, *size, 3)).astype(np.uint8)
    images[0] = 255 * (np.arange(3) == 1)
    powers = np.exp(0.05 * images.mean((1, 2)))
    expected = powers / powers.sum(1, keepdims=True)
    np.testing.assert_allclose(model.predict(images), expected, rtol=1e-4)


HOSTILE = {
    "no photo": ({"image": "none.png"}, None, "--image: expected one of chelsea, coffee"),
    "a folder": ({"image": "."}, None, "which is no file"),
    "no picture": ({"image": "text.png"}, None, "--image: expected a picture in 'text.png'"),
    "no model file": ({"model": "none.onnx"}, None, "--model: no such file: none.onnx"),
    "a pickle": ({"model": "model.pkl"}, None, "--model: expected a file that ends in .onnx"),
    "no model in it": ({"model": "text.onnx"}, None, "--model: cannot load text.onnx"),
    "a table's model": ({}, color_model(("rows", 4), axes=[1]), "images: (any, 4)"),
    "gray images": ({}, color_model(("n", 1, 8, 8)), "images: (any, 1, 8, 8)"),
    "one class": ({}, color_model(("n", 8, 8, 3), axes=[1, 2, 3]), "at least two classes"),
    "no samples": ({"num_samples": "0"}, None, "argument --num-samples: expected a whole number"),
    "few samples": ({"num_samples": "9"}, None, "`num_samples`"),
    "out is a file": ({"out": "red.png"}, None, "--out: cannot make the folder"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_bad_input_is_one_clear_line(folder, capsys, case):
    options, model, message = HOSTILE[case]
    if model is not None:
        onnx.save(model, folder / "colors.onnx")
    assert run(**options) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert re.match("lime-jax( demo-image)?: error: ", lines[0])
    assert message in lines[0]
    assert not list((folder / "out").glob("*"))


def test_without_matplotlib_there_is_the_page(folder, capsys, monkeypatch):
    def save_png(*_):
        raise ImportError("no matplotlib")

    monkeypatch.setattr("lime_jax.ImageExplanation.save_png", save_png)
    assert run() == 0
    assert capsys.readouterr().err == "lime-jax demo-image: no pictures: no matplotlib\n"
    assert [path.name for path in (folder / "out").iterdir()] == ["report.html"]
