"""Imports every public name of an installed lime_jax: `make wheel-alone`, outside the source."""

import importlib
import pkgutil
import sys

import lime_jax

# These need their library, as their names say.
EXTRAS = ("lime_jax.views.plots.notebook_figure",)

for name in lime_jax.__all__:
    getattr(lime_jax, name)
modules = [found.name for found in pkgutil.walk_packages(lime_jax.__path__, "lime_jax.")]
for module in modules:
    if module not in EXTRAS and not module.endswith("__main__"):
        importlib.import_module(module)
place = lime_jax.__file__
print(f"{len(lime_jax.__all__)} names and {len(modules)} modules of {place} on {sys.version[:6]}")
