#!/usr/bin/env bash
# jax 0.10.2 on a CPU: the last bits of a sum depend on how many cores XLA may take, and on how many columns stand beside.
# Guess: a jitted `a.sum(0)` of (50, 2048, 2) numbers adds the 50 in one order, as each of the 4,096 sums is small and by itself.
# Seen: half of the sums differ between one core and two (NPROC); on two cores the first 64 of the 2,048 columns also sum to
# other bits when they are summed alone.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3} -m pip install --quiet --target "$folder/packages" jax==0.10.2 jaxlib==0.10.2
cat > "$folder/sums.py" <<'PYTHON'
import sys

import jax
import numpy as np

rng = np.random.default_rng(0)
table = rng.normal(size=(50, 2048, 2)).astype(np.float32)
total = jax.jit(lambda a: a.sum(0))
np.savez(sys.argv[1], sum=total(table), alone=total(table[:, :64]))
PYTHON
for cores in 1 2; do
    NPROC=$cores JAX_PLATFORMS=cpu PYTHONPATH="$folder/packages" ${PYTHON:-python3} "$folder/sums.py" "$folder/$cores.npz"
done
PYTHONPATH="$folder/packages" ${PYTHON:-python3} - "$folder" <<'PYTHON'
import sys

import numpy as np

one, two = (np.load(f"{sys.argv[1]}/{cores}.npz") for cores in (1, 2))
differ = (one["sum"] != two["sum"]).mean()
print(f"of the sums, {differ:.0%} differ between one core and two, by up to {abs(one['sum'] - two['sum']).max():.1e}")
print("64 columns alone, on one core and on two, as beside the others:", *(np.array_equal(x["sum"][:64], x["alone"]) for x in (one, two)))
assert differ > 0.1
assert np.array_equal(one["sum"][:64], one["alone"]) and not np.array_equal(two["sum"][:64], two["alone"])
PYTHON
