"""`TokenModel`: a transformer, its tokenizer and what stands behind it, as a function of texts."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from lime_jax import engine
from lime_jax.arguments import check_one_of
from lime_jax.front.ragged import padded_width
from lime_jax.front.returned import plain
from lime_jax.models.opening import as_predict_fn
from lime_jax.models.outputs import as_outputs
from lime_jax.models.predict import DevicePredict, Model
from lime_jax.text.token_predict import POOLS, TokenPredict, open_tokens
from lime_jax.text.tokens import NO_TOKEN, TokenRows, read_tokenizer
from lime_jax.typing import ModelLike


class TokenModel:
    """A model of token ids as a model of texts.

    `TextExplainer` does not make masked texts for it: where the tokens of a text are those of its
    pieces, ids of masked texts are put together, those of about one length padded to one of few
    widths. Padding tokens are never looked at, so with `hide="pad"` the attention mask is 0 where a
    word is hidden, and "mask" puts the tokenizer's own mask token there. What the model does not
    read of a long text is not explained, and `TextExplanation.unread` is that part.

    Args:
        model: of `(ids, mask, types)`, whole numbers (texts, tokens): a JAX function (jitted, or
            marked by `jax_predict`), a Flax module, a Keras model or an ONNX model with inputs of
            such names, or any function of NumPy arrays. It may take ids and mask, or ids alone.
        tokenizer: of `tokenizers`, or a fast one of `transformers`.
        head: of the model's outputs, (texts, numbers): a fitted estimator or its bound method, or a
            function; None: the outputs are explained themselves.
        pool: what becomes of outputs that have a vector for each token: "mean" of those that are
            looked at, "first", or None: there are none.
        max_length: tokens that the model reads of a text, with those that the tokenizer adds; None:
            as the tokenizer knows.

    Raises:
        ValueError: if an argument is not usable; it names the argument.

    Example:
        >>> import jax
        >>> from tokenizers import Tokenizer, models, pre_tokenizers
        >>> words = {"[UNK]": 0, "[PAD]": 1, "bad": 2, "day": 3, "good": 4}
        >>> tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
        >>> tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
        >>> counts = jax.jit(lambda ids: (ids == 4).sum(1) - (ids == 2).sum(1))
        >>> model = TokenModel(counts, tokenizer)
        >>> model(["a good, good day"]).tolist()
        [[2.0]]
        >>> explanations = lime_jax.TextExplainer().explain(["a good day"], model)
        >>> [(word, round(weight, 3)) for word, weight in explanations[0].as_list(1)]
        [('good', 1.0)]
    """

    def __init__(
        self,
        model: ModelLike,
        tokenizer: Any,
        head: ModelLike = None,
        pool: str | None = "mean",
        max_length: int | None = None,
    ) -> None:
        check_one_of("pool", pool, POOLS)
        if max_length is not None and not (isinstance(max_length, int) and max_length > 0):
            raise ValueError(f"`max_length`: expected a positive whole number, got {max_length!r}")
        self.tokenizer = tokenizer
        self.tokens = read_tokenizer(tokenizer, max_length)
        opened, roles, names = open_tokens(model)
        behind = None if head is None else as_predict_fn(head)
        on_device = isinstance(opened.predict, DevicePredict)
        inside = behind.predict if on_device and behind is not None else None
        inside = inside if isinstance(inside, DevicePredict) else None
        predict = TokenPredict(opened.predict, inside, self.tokens.pad, roles, names, pool)
        self.predict = DevicePredict(predict) if on_device else predict
        self.behind = behind if inside is None else None
        self.opened = _facts(opened, behind)

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """The outputs for texts.

        Args:
            texts: any number.

        Returns:
            (texts, outputs).

        Raises:
            ValueError: if the model returns something else.

        Example:
            >>> import numpy as np
            >>> from tokenizers import Tokenizer, models
            >>> tokenizer = Tokenizer(models.WordLevel({"?": 0, "yes": 1}, unk_token="?"))
            >>> TokenModel(lambda ids, mask: ids[:, 0] * mask[:, 0], tokenizer)(["yes"]).tolist()
            [[1.0]]
        """
        return self.outputs(self.tokens.rows(texts))

    def outputs(self, rows: TokenRows) -> np.ndarray:
        """The outputs for texts as ids, each asked once, the longest first."""
        ids, places = np.unique(rows.ids, axis=0, return_inverse=True)
        lengths = (ids != NO_TOKEN).sum(1)
        order = np.argsort(-lengths, kind="stable")
        said, start = [], 0
        while start < len(order):
            width = padded_width(int(lengths[order[start]]))
            batch = order[start : start + _texts_at_once(width)]
            said.append(self._said(ids[batch], width, int(lengths[batch[0]])))
            start += len(batch)
        outputs = np.concatenate(said)
        outputs[order] = outputs.copy()
        return outputs[places.reshape(-1)]

    def _said(self, ids: np.ndarray, width: int, longest: int) -> np.ndarray:
        """The outputs for some texts, padded to one of few shapes on a device."""
        if isinstance(self.predict, DevicePredict):
            shape = (_texts_at_once(width), width)
            padded = np.full(shape, NO_TOKEN, np.int32)
            padded[: len(ids), : min(width, ids.shape[1])] = ids[:, :width]
            said: Any = engine.predict_rows(self.predict, padded)[: len(ids)]
        else:
            said = self.predict(ids[:, : max(longest, 1)].astype(np.int64))
        if self.behind is not None:
            said = self.behind(np.asarray(said))
        return as_outputs(plain(said), len(ids), None, None)


def tokenizer_of(model: ModelLike) -> Any:
    """The tokenizer of a model of token ids, as it was handed over; None: it is none."""
    return model.tokenizer if isinstance(model, TokenModel) else None


def _texts_at_once(width: int) -> int:
    """Of one call: on a CPU so few that what is between layers stays in its cache."""
    tokens = 2**11 if jax.default_backend() == "cpu" else 2**17
    return max(1, 2 ** ((tokens // width).bit_length() - 1))


def _facts(opened: Model, head: Model | None) -> Model:
    """What is said of the model as a whole."""
    if head is None:
        return opened
    both = "jax" if opened.path == head.path == "jax" else "host"
    reason = f"{opened.reason}, behind it {head.reason}"
    return dataclasses.replace(head, path=both, reason=reason)
