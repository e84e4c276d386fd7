"""`lime-jax demo-image`: what a model of images sees in a photo, by LIME and by KernelSHAP."""

from __future__ import annotations

import dataclasses
import re
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lime_jax.cache import use_compilation_cache
from lime_jax.cli.errors import InputError
from lime_jax.cli.files import check_writable, make_folder
from lime_jax.cli.image_models import Classifier, load_classifier
from lime_jax.cli.terminal import print_table, say
from lime_jax.results.whole_files import replacing

if TYPE_CHECKING:
    from lime_jax import ImageExplanation

_ALGORITHMS = {"lime": "LIME", "kernel_shap": "KernelSHAP"}
_CLASSES = 2
_STRONGEST = 5  # superpixels of the printed table


def demo_image(arguments: Namespace) -> None:
    """Run `lime-jax demo-image`."""
    folder = make_folder(arguments.out)
    page = check_writable(folder / "report.html", (".html",), "--out")
    model = load_classifier(arguments.model)
    photo = _load_photo(arguments.image, model)
    use_compilation_cache()
    print(f"Explaining what {model.name} sees in {arguments.image} ...", flush=True)
    found = {  # KernelSHAP first: it refuses a number of samples that is too small
        name: _explain(name, photo, model, arguments.num_samples) for name in reversed(_ALGORITHMS)
    }
    explanations = {name: found[name] for name in _ALGORITHMS}
    for label in explanations["lime"].available_labels():
        print()
        _print_class(explanations, label)
    print()
    with replacing(page) as aside:
        aside.write_text(_page(arguments.image, model, explanations), encoding="utf-8")
    written = [page.name, *_draw(explanations, folder)]
    print("Wrote " + ", ".join(str(folder / name) for name in written))


def _load_photo(image: str, model: Classifier) -> np.ndarray:
    from lime_jax.examples import load_photo

    try:
        return load_photo(image, model.size)
    except ValueError as error:
        raise InputError(str(error).replace("`photo`", "--image", 1)) from error


def _explain(
    algorithm: str, photo: np.ndarray, model: Classifier, num_samples: int
) -> ImageExplanation:
    from lime_jax import ImageExplainer

    explainer = ImageExplainer(
        algorithm=algorithm, output="probability", class_names=model.class_names
    )
    explanations: Any = explainer.explain(
        photo,
        model.predict,
        top_labels=_CLASSES,
        num_samples=num_samples,
        batch_size=model.batch_size,
        progress=False,
    )
    return explanations[0]


def _print_class(explanations: dict[str, ImageExplanation], label: int) -> None:
    """The superpixels that LIME finds strongest, beside what KernelSHAP says of them."""
    lime = explanations["lime"]
    maps = [
        of_pixels
        for one in explanations.values()
        for of_pixels in (one.heatmap(label), one.std_error_map(label))
    ]
    superpixels, first = np.unique(lime.segments, return_index=True)
    columns = np.stack([of_pixels.reshape(-1)[first] for of_pixels in maps])
    strongest = np.argsort(-np.abs(columns[0]), kind="stable")[:_STRONGEST]
    pixels = np.bincount(lime.segments.reshape(-1))
    names = list(_ALGORITHMS.values())
    print_table(
        f"{lime.title(label)}. The strongest of {len(superpixels)} superpixels:",
        ["superpixel", "pixels", names[0], "std. error", names[1], "std. error"],
        [
            [
                str(k),
                f"{pixels[k]:,}",
                *(
                    f"{column[k]:{form}}"
                    for column, form in zip(columns, ("+.4f", ".4f") * 2, strict=True)
                ),
            ]
            for k in strongest
        ],
    )


def _page(image: str, model: Classifier, explanations: dict[str, ImageExplanation]) -> str:
    """Every class by every algorithm, on one page."""
    from lime_jax.views.report import dataset_page

    lime = explanations["lime"]
    sections = [
        (
            dataclasses.replace(one.report(label=label), title=_ALGORITHMS[name]),
            one.pictures(label=label),
        )
        for label in lime.available_labels()
        for name, one in explanations.items()
    ]
    facts = [
        ("model", model.name),
        ("image", f"{Path(image).name}, {model.size[0]} x {model.size[1]} pixels"),
        ("superpixels", str(len(np.unique(lime.segments)))),
    ]
    title = f"What {model.name} sees in {Path(image).name}"
    return dataset_page(title, facts, sections, subject="image")


def _draw(explanations: dict[str, ImageExplanation], folder: Path) -> list[str]:
    """One picture for each class and algorithm: the superpixels that speak for the class."""
    names = []
    for rank, label in enumerate(explanations["lime"].available_labels(), start=1):
        for algorithm, one in explanations.items():
            words = re.findall("[a-z0-9]+", f"{one.label_name(label)} {algorithm}".lower())
            name = "-".join([str(rank), *words]) + ".png"
            try:
                with replacing(folder / name) as aside:
                    one.save_png(aside, label)
            except ImportError as error:
                say(f"no pictures: {error}", "demo-image")
                return names
            names.append(name)
    return names
