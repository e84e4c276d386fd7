"""ONNX models: in JAX where their operators are known here, else by onnxruntime."""

from __future__ import annotations

from lime_jax.models.onnx.opening import load

__all__ = ["load"]
