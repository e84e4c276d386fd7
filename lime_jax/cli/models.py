"""A model from a file: skops by default, a pickle only when trusted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lime_jax.cli.errors import InputError, describe
from lime_jax.cli.files import known_suffix
from lime_jax.optional import require

_PICKLES = (".pkl", ".pickle", ".joblib")


def load_model(
    path: str | Path, *, trust_pickle: bool = False, trust_types: Sequence[str] = ()
) -> Any:
    """Load a fitted model.

    `trust_types` are those of a `.skops` file beyond what skops trusts: it does not trust
    scikit-learn's trees, since a file made by an attacker can crash the process.
    """
    path = Path(path)
    suffix = known_suffix(path, (".skops", *_PICKLES), "--model")
    if suffix in _PICKLES and not trust_pickle:
        raise InputError(
            f"--model: loading {path} runs code that the file holds; pass --trust-pickle "
            "if you trust where it comes from, or save the model with skops.io.dump"
        )
    if not path.is_file():
        raise InputError(f"--model: no such file: {path}")
    try:
        if suffix == ".skops":
            model = _load_skops(path, trust_types)
        else:
            import joblib  # of scikit-learn; it reads plain pickles too

            model = joblib.load(path)
    except (InputError, ImportError):
        raise
    except Exception as error:  # a file can fail to load in any way
        raise InputError(f"--model: cannot load {path} ({describe(error)})") from error
    if not hasattr(model, "predict") and not callable(model):
        raise InputError(f"--model: {path} holds a {type(model).__name__}, not a fitted model")
    return model


def _load_skops(path: Path, trust_types: Sequence[str]) -> Any:
    require("skops.io", extra="cli", needed_by="--model: a .skops file")
    import skops.io

    unsafe = skops.io.get_untrusted_types(file=path)
    refused = [name for name in unsafe if name not in trust_types]
    if refused:
        raise InputError(
            f"--model: {path} holds types that skops does not trust: {', '.join(refused)}; "
            f"if you trust where the file comes from, pass --trust-type {' '.join(unsafe)}"
        )
    return skops.io.load(path, trusted=unsafe)
