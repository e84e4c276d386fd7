"""Models of other libraries that are called as they are, with the frames they were fitted on."""

from __future__ import annotations

from lime_jax.models.registry import keep_on_host

keep_on_host(
    "autogluon.TabularPredictor",
    why="it puts models of many libraries together, behind columns that it makes itself",
)
keep_on_host("pygam.GAM", why="its splines are not read here")
keep_on_host(
    "skrub.TableVectorizer",
    why="it makes columns of dates and texts by encoders of its own",
    steps=True,
)
