"""What a table and a configuration give the device, made once for all calls."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable
from functools import cached_property
from typing import Any, TypeVar

import jax
import jax.numpy as jnp

from lime_jax.fits.independent import IndependentMethod
from lime_jax.fits.linear import LinearMethod
from lime_jax.tabular.config import TabularConfig, make_domain, make_method
from lime_jax.tabular.domain import TabularDomain
from lime_jax.tabular.padded import PaddedTable
from lime_jax.tabular.stats import TabularStats

_T = TypeVar("_T")
_MOST = 64
"""A sweep over more widths begins anew."""


@dataclasses.dataclass(frozen=True, eq=False)
class Prepared:
    """Domains and methods of a table, those of the last configurations on the device."""

    stats: TabularStats
    _made: dict[Hashable, Any] = dataclasses.field(default_factory=dict)

    @cached_property
    def padded(self) -> PaddedTable:
        """The table as programs have it that are not a model's own."""
        return PaddedTable(self.stats)

    def is_padded(self, config: TabularConfig) -> bool:
        """Whether domain and method are of the padded table."""
        return isinstance(self.method(config), IndependentMethod)

    def domain(self, config: TabularConfig) -> TabularDomain:
        """What a sample is."""

        def make() -> TabularDomain:
            domain = make_domain(self.stats, config)
            return self.padded.domain(domain) if self.is_padded(config) else domain

        return self.made("domain", config, make)

    def method(self, config: TabularConfig) -> LinearMethod | IndependentMethod:
        """The method for these samples."""

        def make() -> LinearMethod | IndependentMethod:
            shared = make_domain(self.stats, config).shared
            method = make_method(self.stats, config, shared=shared)
            return self.padded.method(method) if isinstance(method, IndependentMethod) else method

        return self.made("method", config, make)

    def linear(self, config: TabularConfig) -> LinearMethod:
        """The method that also serves rows with neighborhoods of their own."""
        return self.made("linear", config, lambda: make_method(self.stats, config, shared=False))

    def made(
        self,
        what: Hashable,
        config: TabularConfig,
        make: Callable[[], _T],
        cache: dict[Hashable, Any] | None = None,
    ) -> _T:
        """A pytree that is a function of a configuration.

        Args:
            cache: what was made before; None: here.
        """
        cache = self._made if cache is None else cache
        # The configuration is kept, so that its kernel's number stays its own.
        choices = {**vars(config), "kernel": id(config.kernel)}
        key = (what, jnp.result_type(float), *choices.values())
        found = cache.get(key)
        if found is None:
            if len(cache) >= _MOST:
                cache.clear()
            found = cache[key] = config, jax.device_put(make())
        return found[1]

    def __reduce__(self) -> tuple[Any, ...]:
        """The table alone: the rest only saves time."""
        return Prepared, (self.stats,)
