"""The notebook runs from top to bottom, quietly, and shows what its text says."""

from __future__ import annotations

import json
import re
import shutil
import sys
import warnings
from pathlib import Path

import pytest

with warnings.catch_warnings():  # Jupyter's own deprecations
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    nbclient = pytest.importorskip("nbclient")
