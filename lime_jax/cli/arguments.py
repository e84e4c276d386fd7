"""The arguments of each command."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NoReturn, TypeAlias

from lime_jax import __version__
from lime_jax.cli.errors import one_line

_MAIN_EXAMPLES = """\
examples:
  lime-jax demo
  lime-jax demo-image
  lime-jax explain --model model.skops --data rows.csv --out explanations.parquet
  lime-jax explain --help
"""

_DEMO_EXAMPLES = """\
examples:
  lime-jax demo
  lime-jax demo --out /tmp/breast-cancer
"""

_DEMO_IMAGE_EXAMPLES = """\
examples:
  SqueezeNet and the photo of a cat:
    lime-jax demo-image
  your own photo, and your own model:
    lime-jax demo-image --image dog.jpg --model classifier.onnx --out /tmp/dog

The model of a file is called with float32 RGB images from 0 to 255 of its own size, in the layout
of its input: (images, height, width, 3) or (images, 3, height, width); 224 x 224 where the size is
free. Outputs that are not all between 0 and 1 become probabilities by softmax. A thousand outputs
are taken for the classes of ImageNet.
"""

_EXPLAIN_EXAMPLES = """\
examples:
  every row of a file, binned by the training rows:
    lime-jax explain --model model.skops --data test.csv --background train.csv \\
        --target diagnosis --out explanations.parquet --report report.html
  a forest, whose trees skops leaves to your trust; a hundred rows, five features each:
    lime-jax explain --model forest.skops --trust-type sklearn.tree._tree.Tree \\
        --data test.csv --rows 0:100 --num-features 5 --num-samples 16384 \\
        --out explanations.csv
  two classes of a pickled model that you trust, bins by the target's entropy:
    lime-jax explain --model forest.joblib --trust-pickle --data train.parquet \\
        --target species --discretizer entropy --labels setosa virginica --out e.npz

  a column of texts, and a pipeline that was fitted on texts:
    lime-jax explain --model pipeline.skops --data reviews.parquet --text-column review \\
        --num-features 10 --out words.csv --report report.html

  a file of any size, in parts; after a crash, the same again with --resume:
    lime-jax explain --model model.skops --data big.parquet --background train.parquet \\
        --target late --out explanations/
    lime-jax explain --model model.skops --data big.parquet --background train.parquet \\
        --target late --out explanations/ --resume

The table has one line per row, label and feature: row_id, label, feature, condition, value, weight,
std_error. A folder has part-00000.parquet and so on, one line per row with lists. `row_id` counts
the rows of --data from 0. Read .npz and folders back with lime_jax.load.
"""


_Commands: TypeAlias = argparse._SubParsersAction


class _Parser(argparse.ArgumentParser):
    """One clear line for a wrong argument, instead of the whole usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {one_line(message)} (see {self.prog} --help)\n")


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line; it exits with code 2 on a wrong argument, 0 after `--help`."""
    parser = _Parser(
        prog="lime-jax",
        description="Explain every row of a table, with error bars.",
        epilog=_MAIN_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"lime-jax {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_demo(commands)
    _add_demo_image(commands)
    _add_explain(commands)
    return parser.parse_args(argv)


def _add_command(commands: _Commands, name: str, about: str, examples: str) -> _Parser:
    return commands.add_parser(
        name,
        help=about,
        description=about[0].upper() + about[1:] + ".",
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def _add_demo(commands: _Commands) -> None:
    about = "explain a random forest on the breast-cancer data"
    parser = _add_command(commands, "demo", about, _DEMO_EXAMPLES)
    parser.add_argument(
        "--out", default="demo", metavar="DIR", help="folder for the results (default: demo)"
    )


def _add_demo_image(commands: _Commands) -> None:
    about = "explain what a model of images sees in a photo"
    parser = _add_command(commands, "demo-image", about, _DEMO_IMAGE_EXAMPLES)
    parser.add_argument(
        "--image",
        default="chelsea",
        metavar="FILE",
        help="a photo, or the name of one that is there: chelsea (default), coffee, rocket, "
        "astronaut, china, flower",
    )
    parser.add_argument(
        "--model", metavar="FILE", help="a classifier of images: .onnx (default: SqueezeNet 1.1)"
    )
    parser.add_argument(
        "--num-samples", type=_whole(1), default=1000, metavar="N", help="default: 1000"
    )
    parser.add_argument(
        "--out",
        default="demo/images",
        metavar="DIR",
        help="folder for the results (default: demo/images)",
    )


def _add_explain(commands: _Commands) -> None:
    parser = _add_command(
        commands, "explain", "explain the rows of a file with your own model", _EXPLAIN_EXAMPLES
    )
    inputs = parser.add_argument_group("inputs")
    _add_model(inputs)
    _add_rows(inputs)
    _add_choices(parser)
    outputs = parser.add_argument_group("results")
    outputs.add_argument(
        "--out",
        required=True,
        metavar="FILE|DIR/",
        help="the table: .parquet, .csv or .npz; or a folder, for files of any size",
    )
    outputs.add_argument("--report", metavar="FILE", help="also a page to read: .html")
    outputs.add_argument("--no-progress", action="store_true", help="no progress bar")
    _add_job(parser)


def _add_job(parser: _Parser) -> None:
    job = parser.add_argument_group("a folder of results (--out DIR/)")
    job.add_argument(
        "--resume",
        action="store_true",
        help="go on where an earlier run stopped: parts that are finished are kept",
    )
    job.add_argument(
        "--on-error",
        choices=("raise", "record"),
        help="of the model or a value in a part: end the run (default), or note it and go on",
    )
    job.add_argument(
        "--engine",
        choices=("local", "ray", "spark"),
        help="what does the work: this process (default), Ray or Spark",
    )
    job.add_argument(
        "--workers",
        type=_whole(1),
        metavar="N",
        help="of Ray or Spark (default: as many as there is room for)",
    )
    job.add_argument(
        "--rows-per-part", type=_whole(1), metavar="N", help="default: 16384, fewer of wide tables"
    )


def _add_model(inputs: argparse._ArgumentGroup) -> None:
    inputs.add_argument(
        "--model",
        required=True,
        metavar="FILE",
        help="a fitted scikit-learn model: .skops, or .pkl, .pickle, .joblib with --trust-pickle",
    )
    inputs.add_argument(
        "--trust-pickle",
        action="store_true",
        help="load a pickled model; this runs whatever code the file holds",
    )
    inputs.add_argument(
        "--trust-type",
        nargs="+",
        default=(),
        metavar="TYPE",
        help="types that a .skops file may hold although skops does not trust them, such as "
        "sklearn.tree._tree.Tree of forests",
    )


def _add_rows(inputs: argparse._ArgumentGroup) -> None:
    inputs.add_argument(
        "--data",
        required=True,
        metavar="FILE",
        help="the rows to explain: .csv, .tsv or .jsonl, also with .gz; .parquet, .arrow or "
        ".feather; sparse rows: .npz of scipy.sparse.save_npz",
    )
    inputs.add_argument(
        "--background",
        metavar="FILE",
        help="the training rows (default: all rows of --data; for a folder of results at most "
        "500,000, evenly spaced)",
    )
    inputs.add_argument(
        "--target", metavar="COLUMN", help="the column that the model predicts; it is left out"
    )
    inputs.add_argument(
        "--categorical",
        nargs="+",
        metavar="COLUMN",
        help="number columns that are categories; text and true/false columns always are",
    )
    inputs.add_argument(
        "--text",
        nargs="+",
        action="extend",
        metavar="COLUMN",
        help="columns of a .csv or .tsv that are text as it stands, such as codes 01003 or NA; the "
        "model's encoders name theirs by themselves",
    )
    inputs.add_argument(
        "--text-column",
        metavar="COLUMN",
        help="explain the texts of this column, with a model that is called with texts, such as a "
        "pipeline that begins with a TfidfVectorizer",
    )
    inputs.add_argument(
        "--rows",
        type=_row_range,
        default=(None, None),
        metavar="A:B",
        help="only rows A to B-1 of --data, counted from 0; either may be left out",
    )


def _add_choices(parser: _Parser) -> None:
    choices = parser.add_argument_group("what to explain, and how")
    which = choices.add_mutually_exclusive_group()
    which.add_argument(
        "--labels", nargs="+", metavar="LABEL", help="outputs: classes, or names (default: all)"
    )
    which.add_argument(
        "--top-labels", type=_whole(1), metavar="K", help="the K strongest outputs of each row"
    )
    choices.add_argument(
        "--num-features", type=_whole(1), metavar="K", help="select K features (default: keep all)"
    )
    choices.add_argument(
        "--num-samples",
        type=_whole(1),
        metavar="N",
        help="default: 4096, of texts 5000; of kernel_shap 2048 and two for each column or word",
    )
    choices.add_argument(
        "--method",
        choices=("auto", "exact", "sampled"),
        default="auto",
        help="auto (default): exact where there is a closed form, else sampled",
    )
    choices.add_argument(
        "--output",
        choices=("probability", "margin", "value"),
        help="of the model (default: probability of a classifier, value of a regressor)",
    )
    choices.add_argument("--seed", type=_whole(0), default=0, metavar="N", help="default: 0")
    choices.add_argument(
        "--discretizer",
        default="quartile",
        metavar="NAME",
        help="quartile (default), decile, entropy (needs --target) or none",
    )
    choices.add_argument(
        "--algorithm",
        default="lime",
        metavar="NAME",
        help="lime (default), kernel_shap or, of trees in tables, tree_path",
    )


def _whole(least: int) -> Callable[[str], int]:
    def whole(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if number < least:
            raise argparse.ArgumentTypeError(
                f"expected a whole number from {least} up, got {text!r}"
            )
        return number

    return whole


def _row_range(text: str) -> tuple[int | None, int | None]:
    first, colon, last = text.partition(":")
    if not colon or not all(part == "" or part.isdecimal() for part in (first, last)):
        raise argparse.ArgumentTypeError(
            f"expected a range such as 0:100, 100: or :100, got {text!r}"
        )
    return int(first) if first else None, int(last) if last else None
