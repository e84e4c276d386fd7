"""`lime.wrappers.scikit_image`: segmentations of today's scikit-image under `lime`'s names."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from lime_jax.arguments import check_one_of
from lime_jax.compat.utils.generic_utils import has_arg
from lime_jax.optional import require

ALGORITHMS = ("quickshift", "slic", "felzenszwalb")


class BaseWrapper:
    """A function and some of its arguments.

    Args:
        target_fn: the function; None: the object itself, where a class of its own can be called.
        **target_params: arguments by name.

    Example:
        >>> BaseWrapper(sorted, reverse=True).target_params
        {'reverse': True}
    """

    def __init__(self, target_fn: Any = None, **target_params: object) -> None:
        self.target_fn = target_fn
        self.target_params = target_params

    def _check_params(self, parameters: object) -> None:
        """Refuse names that are no arguments of the function."""
        target = self._target()
        if isinstance(parameters, str) or not isinstance(parameters, Iterable):
            raise TypeError(
                "`parameters`: expected names of arguments, a list or a mapping, got "
                f"{parameters!r}"
            )
        for name in parameters:
            if not has_arg(target, name):
                raise ValueError(
                    f"`{name}`: the function has no such argument; it has "
                    f"{', '.join(inspect.signature(target).parameters) or 'none'}"
                )

    def _target(self) -> Any:
        if self.target_fn is None:
            if callable(self):
                return self.__call__
            raise TypeError("`target_fn`: expected a function, got None")
        if not callable(self.target_fn):
            raise AttributeError(f"`target_fn`: expected a function, got {self.target_fn!r}")
        return self.target_fn

    def set_params(self, **params: object) -> None:
        """Replace the arguments.

        Args:
            **params: by name; all others are forgotten.

        Raises:
            ValueError: if the function has no such argument.
        """
        self._check_params(params)
        self.target_params = params

    def filter_params(
        self, fn: object, override: Mapping[str, object] | None = None
    ) -> dict[str, Any]:
        """The arguments that a function takes, and others in place of them.

        Args:
            fn: any function.
            override: arguments that win, whether `fn` takes them or not.

        Returns:
            Arguments by name.
        """
        taken = {name: value for name, value in self.target_params.items() if has_arg(fn, name)}
        return {**taken, **(override or {})}


class SegmentationAlgorithm(BaseWrapper):
    """A segmentation of scikit-image with its arguments, to be called with an image.

    Args:
        algo_type: "quickshift", "slic" or "felzenszwalb".
        **target_params: of scikit-image's function; `random_seed`, which it once had, is what is
            `rng` today, and says nothing to a function without chance.

    Raises:
        ValueError: if there is no such algorithm or argument.
        ImportError: if scikit-image is missing.

    Example:
        >>> cut = SegmentationAlgorithm("slic", n_segments=4, compactness=10, start_label=0)
        >>> cut(np.zeros((8, 8, 3))).max()
        np.int64(3)
    """

    def __init__(self, algo_type: str, **target_params: object) -> None:
        check_one_of("algo_type", algo_type, ALGORITHMS)
        functions = require("skimage.segmentation", extra="image", needed_by="a segmentation")
        self.algo_type = algo_type
        function = getattr(functions, algo_type)
        if "random_seed" in target_params and not has_arg(function, "random_seed"):
            seed = target_params.pop("random_seed")
            if has_arg(function, "rng"):
                target_params["rng"] = seed
        super().__init__(function, **target_params)
        self._check_params(target_params)

    def __call__(self, *args: Any) -> np.ndarray:
        """The superpixels of an image: (height, width) labels."""
        return self.target_fn(args[0], **self.target_params)
