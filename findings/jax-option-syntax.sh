#!/usr/bin/env bash
# jax 0.10.2: `jit(compiler_options=...)` does not read the values that XLA_FLAGS reads.
# Guess: an option of XLA that holds a list takes the same text in both places, as both name the same option. Seen: `-reduce` (all
# of the default list but one) works in XLA_FLAGS and is refused by `compiler_options` as no valid value; there the list has to be
# written out, in the long names of the protocol buffer.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3} -m pip install --quiet --target "$folder/packages" jax==0.10.2 jaxlib==0.10.2
cat > "$folder/sum.py" <<'PYTHON'
import sys

import jax
import numpy as np

NAME = "xla_cpu_experimental_ynn_fusion_type"
values = sys.argv[1] and {NAME: sys.argv[1]}
total = jax.jit(lambda a: a.sum(0), compiler_options=values or None)
try:
    program = total.lower(np.zeros((50, 2048, 2), np.float32)).compile().as_text()
    print("another library sums" if "ynn_fusion" in program else "XLA sums by itself")
except jax.errors.JaxRuntimeError as error:
    print("refused:", str(error).rpartition("type, ")[2])
PYTHON
run() { JAX_PLATFORMS=cpu PYTHONPATH="$folder/packages" XLA_FLAGS=$1 ${PYTHON:-python3} "$folder/sum.py" "$2"; }
plain=$(run "" "")
flag=$(run "--xla_cpu_experimental_ynn_fusion_type=-reduce" "")
option=$(run "" "-reduce")
long=$(run "" "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT,LIBRARY_FUSION_TYPE_INDIVIDUAL_CONVOLUTION")
echo "by default: $plain; XLA_FLAGS with -reduce: $flag"
echo "compiler_options with -reduce: $option; with long names: $long"
[ "$plain" = "another library sums" ] && [ "$flag" = "XLA sums by itself" ] && [ "$long" = "$flag" ] && [[ $option == refused* ]]
