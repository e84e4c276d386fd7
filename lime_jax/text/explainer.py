"""`TextExplainer`: LIME and KernelSHAP for models of texts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

import numpy as np
from jax.sharding import Mesh
from sklearn.base import BaseEstimator

from lime_jax.forks import use_jax
from lime_jax.front import call
from lime_jax.front.options import ExplainOptions
from lime_jax.text.call import TextCall
from lime_jax.text.documents import read_texts
from lime_jax.text.explanations import TextExplanations
from lime_jax.text.settings import text_settings
from lime_jax.text.token_model import tokenizer_of
from lime_jax.typing import ModelLike, Table


class TextExplainer(BaseEstimator):
    r"""Explains what a model of texts reads: words that speak for a class, and against it.

    What defines the answer is set here; what varies from call to call is an argument of `explain`.
    There is nothing to fit. The answer for a text depends on the text, the model and these
    settings, not on the other texts of the batch.

    Texts of up to 12 words (or other players) have no noise: the model is asked for all texts with
    some of them hidden, if `num_samples` allows as many, and for up to seven in any case; LIME's
    fit then needs no penalty and has none. Other texts are sampled, with standard errors.

    Args:
        algorithm: "lime", weights of a local linear model; or "kernel_shap", Shapley values.
        split: how to cut a text into pieces: "word", by the rules of Unicode (UAX #29), marks and
            vowel signs with their letters; "sentence"; "char"; a regular expression of what is
            between words, such as `lime`'s r"\W+"; a function of a text that returns its tokens,
            or their (start, end); or a tokenizer of `tokenizers` or `transformers` with offsets.
        players: what is hidden together: "distinct", all places of a word, as `lime` with
            `bow=True`; "positions", each piece by itself; "sentences"; "refined", sentences first,
            then the distinct words of the three that weigh most, beside the other sentences, which
            is for long texts; a function of a text that returns (start, end) of its players, or
            for each text a list of these; all else stays.
        hide: "remove"; "mask", by `mask`; "pad", by the padding token of a tokenizer; or a function
            of a piece that returns what stands in its place. What is between pieces always stays.
        mask: that hides a piece; None: the tokenizer's own where there is one, else `lime`'s
            "UNKWORDZ".
        kernel_width: of LIME, in units of the distance (`lime`'s 25 are hundredths).
        alpha: ridge penalty of LIME, where it samples.
        distance: of LIME, between masks: "cosine", "euclidean" or "manhattan".
        kernel: of LIME, `(distances, kernel_width) -> weights` of JAX arrays; None: exponential.
        feature_selection: of LIME, as in `TabularExplainer`.
        link: of KernelSHAP: "identity", or "logit" of a probability.
        output: "probability", "margin" or "value" of a model; None: what was handed over.
        mode: "classification" or "regression"; None: as the model says.
        class_names: of the outputs; None: as the model says. With two of them, one column of
            probabilities is the second's, and both are explained.
        seed: of all random numbers.

    Example:
        >>> import lime_jax
        >>> def stars(texts):
        ...     return [text.count("good") - text.count("bad") for text in texts]
        >>> explanations = TextExplainer().explain(["a good day", "a bad, bad day"], stars)
        >>> [(word, round(weight, 3)) for word, weight in explanations[1].as_list(1)]
        [('bad', -2.0)]
        >>> [(span.start, span.word) for span in explanations[1].spans() if span.weight < -1]
        [(2, 'bad'), (7, 'bad')]

    Ribeiro, Singh & Guestrin (2016), "Why should I trust you?"; Lundberg & Lee (2017), "A unified
    approach to interpreting model predictions".
    """

    def __init__(
        self,
        algorithm: str = "lime",
        split: Any = "word",
        players: Any = "distinct",
        hide: str | Callable[[str], str] = "remove",
        mask: str | None = None,
        kernel_width: float | int = 0.25,
        alpha: float | int = 1.0,
        distance: str = "cosine",
        kernel: Callable[..., Any] | None = None,
        feature_selection: str = "auto",
        link: str = "identity",
        output: str | None = None,
        mode: str | None = None,
        class_names: Sequence[Any] | np.ndarray | None = None,
        seed: int = 0,
    ) -> None:
        self.algorithm = algorithm
        self.split = split
        self.players = players
        self.hide = hide
        self.mask = mask
        self.kernel_width = kernel_width
        self.alpha = alpha
        self.distance = distance
        self.kernel = kernel
        self.feature_selection = feature_selection
        self.link = link
        self.output = output
        self.mode = mode
        self.class_names = class_names
        self.seed = seed

    def explain(
        self,
        texts: Table,
        model: ModelLike,
        labels: Sequence[Any] | np.ndarray | None = None,
        top_labels: int | str | None = "auto",
        num_features: int | None = None,
        num_samples: int | str | None = None,
        method: str = "auto",
        row_ids: Iterable[Any] | None = None,
        batch_size: int | None = None,
        mesh: Mesh | None = None,
        progress: bool | None = None,
        column: str | int | None = None,
    ) -> TextExplanations:
        """Explain the model's predictions for texts.

        What is missing (None, NaN), is no text, or cannot be cut has no explanation, and says why
        in `problems`; where none of the texts can be cut it is an error.

        Args:
            texts: a list, a series of any library, an Arrow column, an array, or one text; or a
                frame, with `column`.
            model: a fitted pipeline or its bound method; a `TokenModel` of a transformer; or any
                function of a list of texts that returns (texts,) or (texts, outputs): arrays,
                lists, tensors, or for each text the scores of all labels, as a pipeline of Hugging
                Face does with `top_k=None`.
            labels: outputs to explain, as in `TabularExplainer.explain`; in place of `top_labels`.
            top_labels: in place of `labels`, each text's k highest outputs; "auto": five, or all
                of a model that has fewer. None: all.
            num_features: how many words each LIME explanation keeps; None: all.
            num_samples: masked texts for each text: for LIME rounded up to whole replicates of a
                power of two, None: 5,000; for KernelSHAP coalitions, None or "auto": 2,048 and two
                for each word, or all coalitions of 12 words or fewer.
            method: "auto": without samples where outputs are sums over words (margins and
                regressions that are linear in counts), else by samples; "sampled"; or "exact", an
                error where they are no such sums.
            row_ids: of the texts, numbers or text, by which results name them; None: the index of
                a pandas series or their numbers. Random numbers of KernelSHAP come from the ids, or
                without them from the content; LIME's masks from `seed` and the number of words.
            batch_size: texts of one call of the model, at most; None: 1,024. A text is asked once
                in a batch, and those of about one length are asked together.
            mesh: devices that share the work, as in `TabularExplainer.explain`; None: JAX's
                default device.
            progress: whether to show a bar; None: on a terminal, if the work is long.
            column: of a frame, the one that holds the texts. The model is called with rows of that
                frame, which have a masked text there and their own values in all other columns.

        Returns:
            The explanations, in the order of the texts.

        Raises:
            ValueError: if an argument is not usable; it names the argument.
            RuntimeError: in a forked child of a process that has used JAX.

        Example:
            >>> explainer = TextExplainer(players="positions", hide="mask", mask="...")
            >>> shouts = lambda texts: [text.isupper() for text in texts]
            >>> explainer.explain(["STOP that", None], shouts).problems[1]
            '`texts`: the text is missing (None)'
        """
        use_jax()
        settings = text_settings(self, tokenizer_of(model))
        options = ExplainOptions(
            labels=labels,
            top_labels=top_labels,
            num_features=num_features,
            num_samples=num_samples,
            method=method,
            row_ids=row_ids,
            batch_size=batch_size,
            mesh=mesh,
            progress=progress,
        )
        options.check()
        settings.check(options)
        return call.explain(TextCall(self, settings, texts, batch_size, column), model, options)[0]

    min_block_rows: ClassVar[int] = 16

    @property
    def columns(self) -> tuple[str, ...]:
        """The column of a table that holds the texts, unless it is named."""
        return ("text",)

    @property
    def learned(self) -> None:
        """Nothing: there is no `fit`."""

    def rows(self, X: Table) -> list[Any]:
        """The texts, to be counted and cut.

        Example:
            >>> len(TextExplainer().rows(["good day", "bad day"]))
            2
        """
        if isinstance(self.players, list | tuple):
            raise ValueError(
                "`players`: places in each text do not travel with the texts; give a function of a "
                "text, or 'distinct', 'positions', 'sentences' or 'refined'"
            )
        return read_texts(X)

    def rows_of(self, batch: Table, columns: Sequence[str]) -> list[Any]:
        """Texts from the first of the columns of an Arrow table, a frame or a mapping.

        Example:
            >>> TextExplainer().rows_of({"text": ["good day"]}, ["text"])
            ['good day']
        """
        return read_texts(batch[columns[0]])
