"""A real image model with its photos: what the demo, the notebook and the benchmarks explain."""

from __future__ import annotations

from lime_jax.examples.photos import PHOTOS, imagenet_names, load_photo
from lime_jax.examples.squeezenet import SqueezeNet, squeezenet
from lime_jax.examples.squeezenet_onnx import squeezenet_onnx

__all__ = ["PHOTOS", "SqueezeNet", "imagenet_names", "load_photo", "squeezenet", "squeezenet_onnx"]
