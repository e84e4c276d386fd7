#!/usr/bin/env bash
# scikit-learn 1.9.1: `ClassifierChain.classes_` is in the order of the chain, not of the targets.
# Guess: entry k holds the classes of target k, as `MultiOutputClassifier.classes_` does, and as the columns of
# `predict` come. Seen: with order=[1, 0] the classes of the two targets have changed places.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3} -m pip install --quiet --target "$folder/packages" scikit-learn==1.9.1
PYTHONPATH="$folder/packages" ${PYTHON:-python3} -W ignore - <<'PYTHON'
import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier

X = np.random.default_rng(0).normal(size=(200, 2))
Y = np.column_stack([X[:, 0] > 0, np.digitize(X[:, 1], [-0.5, 0.5])]).astype(int)
chain = ClassifierChain(LogisticRegression(), order=[1, 0]).fit(X, Y)
apart = MultiOutputClassifier(LogisticRegression()).fit(X, Y)
found = [[c.tolist() for c in model.classes_] for model in (chain, apart)]
print(sklearn.__version__, "chain:", found[0], "apart:", found[1], "predicts up to", chain.predict(X).max(0))
assert found == [[[0, 1, 2], [0, 1]], [[0, 1], [0, 1, 2]]], "this has changed"
assert chain.predict(X).max(0).tolist() == [1, 2], "this has changed"
PYTHON
