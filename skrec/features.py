"""Conversion of properties of users and items to numbers: categories, quantities, multiple labels, text."""

from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.utils.extmath import randomized_svd, svd_flip
from sklearn.utils.validation import check_is_fitted

from skrec._checks import check_int
from skrec.base._manual import link_parameters, link_template
from skrec.data._random import as_random_state

__all__ = ["FeatureEncoder", "text_vectors"]


class FeatureEncoder(TransformerMixin, BaseEstimator):
    """Convert a table of users or items to numeric features for `Interactions`.

    The conversion of a column depends on its content:

    * Numbers and dates are standardized. Missing values become 0, which is the mean. A column without values is 0.
    * Booleans become 0 and 1. Missing values become 0.
    * Multiple labels per row (lists, tuples, sets, or strings such as "Comedy|Drama") give one binary column per label.
    * Columns named by ``text`` become vectors.
    * All other columns are categories, and give one binary column per value, including "missing".

    Labels, words and categories that are not in the data of `fit` become zeros.

    Parameters
    ----------
    text : str or sequence of str, default=()
        Names of columns with natural-language text.
    text_encoder : transformer, default=None
        Transformer from lists of strings to vectors, which is cloned for each text column. If None, ``text_vectors()``.
    sep : str, default="|"
        Separator of the labels in a string. If a column contains it in any row, the column has multiple labels.
    max_categories : int, default=None
        Maximum number of output columns per category. Rare values share one column. If None, not limited.

    Attributes
    ----------
    encoder_ : ColumnTransformer
        The fitted transformer of all columns.
    feature_names_in_ : array of shape (n_features_in_,)
        Names of the columns.
    n_features_in_ : int
        Number of columns.

    Examples
    --------
    >>> films = pd.DataFrame(
    ...     {"year": [1979, 1985, None], "genres": ["Horror|Sci-Fi", "Sci-Fi", ""], "studio": ["Fox", "Fox", "A24"]},
    ...     index=["Alien", "Brazil", "Unseen"],
    ... )
    >>> FeatureEncoder().fit_transform(films)
            year  genres_Horror  genres_Sci-Fi  studio_A24  studio_Fox
    Alien   -1.0            1.0            1.0         0.0         1.0
    Brazil   1.0            0.0            1.0         0.0         1.0
    Unseen   0.0            0.0            0.0         1.0         0.0
    """

    _doc_link_module = "skrec"
    _doc_link_template, _doc_link_url_param_generator = property(link_template), link_parameters

    def __init__(
        self,
        *,
        text: str | Sequence[str] = (),
        text_encoder: Any = None,
        sep: str = "|",
        max_categories: int | None = None,
    ):
        self.text = text
        self.text_encoder = text_encoder
        self.sep = sep
        self.max_categories = max_categories

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:
        """Learn the labels, categories and words, and the means and scales of numbers.

        Parameters
        ----------
        X : DataFrame
            One row per user or item, with the labels as index. Each column is a feature.
        y : object, default=None
            Ignored.

        Returns
        -------
        self : FeatureEncoder
            The fitted encoder.

        Raises
        ------
        ValueError, TypeError
            If X is not a DataFrame or is empty, if a column named in ``text`` is missing, if column names are not strings or
            not unique (before or after encoding), or if a column of labels or text is empty in all rows.
        """
        self._check(X)
        text_columns = [self.text] if isinstance(self.text, str) else list(self.text)
        lacking = [column for column in text_columns if column not in X.columns]
        if lacking:
            raise ValueError(f"text names columns that X does not have: {lacking}; it has {list(X.columns)[:8]}")
        kinds = {column: "text" if column in text_columns else _kind(X[column], self.sep) for column in X.columns}
        encoder = self._transformer(kinds)
        self._check_words(X, kinds)
        with config_context(transform_output="default"):
            names = pd.Index(encoder.fit(X).get_feature_names_out())
        if names.has_duplicates:
            raise ValueError(
                f"two columns of X give output columns with the same names, {list(names[names.duplicated()])[:8]}: rename one"
            )
        self.encoder_ = encoder
        self.feature_names_in_, self.n_features_in_ = np.asarray(X.columns, dtype=object), X.shape[1]
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Convert a table to numbers.

        Parameters
        ----------
        X : DataFrame
            One row per user or item, with the columns of `fit`. Other columns are ignored.

        Returns
        -------
        DataFrame of float32
            One row for each row of X, with the same index.

        Raises
        ------
        ValueError, TypeError
            If X is not a DataFrame or is empty, or a column is missing.
        """
        check_is_fitted(self)
        self._check(X)
        lacking = [column for column in self.feature_names_in_ if column not in X.columns]
        if lacking:
            raise ValueError(f"X lacks the columns {lacking} that the encoder was fitted with")
        with config_context(transform_output="default"):
            numbers = self.encoder_.transform(X[list(self.feature_names_in_)])
        return pd.DataFrame(numbers.astype(np.float32), index=X.index, columns=self.get_feature_names_out())

    def get_feature_names_out(self, input_features: Any = None) -> NDArray:
        """Get the names of the output columns.

        Parameters
        ----------
        input_features : object, default=None
            Ignored. Present for compatibility with scikit-learn.

        Returns
        -------
        array of str
            Names of the output columns.
        """
        check_is_fitted(self)
        return self.encoder_.get_feature_names_out()

    def _transformer(self, kinds: dict[str, str]) -> ColumnTransformer:
        """One step for each column, in the order of the columns."""
        if not isinstance(self.sep, str) or not self.sep:
            raise ValueError(f"sep must be a string of at least one character, got {self.sep!r}")
        unseen = "ignore" if self.max_categories is None else "infrequent_if_exist"
        text_encoder = text_vectors() if self.text_encoder is None else self.text_encoder
        steps = {
            "text": make_pipeline(_function(_as_text), clone(text_encoder)),
            "flag": _function(_as_binary),
            "empty": _function(_as_zeros),
            "number": make_pipeline(
                _function(_float_table),
                StandardScaler(),
                SimpleImputer(strategy="constant", fill_value=0, keep_empty_features=True),
            ),
            "labels": make_pipeline(
                _function(partial(_label_lists, sep=self.sep)), CountVectorizer(analyzer=list, binary=True)
            ),
            "category": make_pipeline(
                _function(_as_categories),
                OneHotEncoder(handle_unknown=unseen, max_categories=self.max_categories, sparse_output=False),
            ),
        }
        one_column = ("text", "labels")  # these steps read a column, the others a table
        transformers = [
            (f"{kind} {place}", steps[kind], column if kind in one_column else [column])
            for place, (column, kind) in enumerate(kinds.items())
        ]
        naming = partial(_output_name, columns=list(kinds))
        return ColumnTransformer(transformers, sparse_threshold=0, verbose_feature_names_out=naming)

    def _check_words(self, X: pd.DataFrame, kinds: dict[str, str]) -> None:
        word = r"\w\w" if self.text_encoder is None else r"\S"  # TF-IDF ignores single letters
        for column, kind in kinds.items():
            if kind == "labels" and not _label_lists(X[column], sep=self.sep).map(len).any():
                raise ValueError(f"column {column!r} of X has no label in any row: drop it")
            if kind == "text" and not _as_text(X[column]).str.contains(word).any():
                raise ValueError(f"column {column!r} of X, named in text, has no word in any row: drop it")

    def _check(self, X: Any) -> None:
        if not isinstance(X, pd.DataFrame):
            raise TypeError(f"X must be a pandas DataFrame of features, got {type(X).__name__}")
        named = all(isinstance(column, str) for column in X.columns)
        if X.empty or X.columns.has_duplicates or not named:
            raise ValueError(
                f"X must have rows, and columns with distinct strings as names, got {X.shape}: {list(X.columns)[:8]}"
            )


def text_vectors(n_components: int = 64, *, model: str | None = None, random_state: Any = 0) -> Any:
    """Create a scikit-learn transformer from texts to vectors. Texts with common words have similar vectors.

    Parameters
    ----------
    n_components : int, default=64
        Length of the vectors. If there are fewer distinct words or texts, their number. Ignored if ``model`` is given.
    model : str, default=None
        Name of a model of the library sentence-transformers, such as "all-MiniLM-L6-v2". The library loads it when the
        transformer is used, and may download it. ``pip install skrec[text]`` installs the library. If None, TF-IDF and a
        truncated singular value decomposition are learned from the texts.
    random_state : int, Generator, RandomState or None, default=0
        Seed or generator of the decomposition.

    Returns
    -------
    Pipeline or SentenceVectors
        A transformer of lists of strings.

    Examples
    --------
    >>> plots = ["a robot learns to love", "robots fight", "a wedding in the rain", "rain on the wedding day"]
    >>> vectors = text_vectors(2).fit_transform(plots)
    >>> vectors.shape, bool(vectors[2] @ vectors[3] > vectors[2] @ vectors[1])
    ((4, 2), True)
    """
    if model is not None:
        return SentenceVectors(model)
    return make_pipeline(TfidfVectorizer(sublinear_tf=True), Decomposition(n_components, random_state=random_state))


class Decomposition(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Truncated singular value decomposition with at most as many components as there are rows and columns.

    Parameters
    ----------
    n_components : int
        Maximum number of components.
    random_state : int, Generator, RandomState or None, default=None
        Seed or generator.
    """

    def __init__(self, n_components: int, *, random_state: Any = None):
        self.n_components = n_components
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Decompose a dense or sparse matrix of shape (n_rows, n_columns)."""
        check_int(self.n_components, "n_components", at_least=1)
        width, generator = min(self.n_components, X.shape[1]), as_random_state(self.random_state)
        left, _, right = randomized_svd(X, width, n_iter=5, random_state=generator, flip_sign=False)
        self.components_ = svd_flip(left, right, u_based_decision=False)[1]
        self._n_features_out = len(self.components_)
        return self

    def transform(self, X: Any) -> NDArray:
        """Project rows to vectors, of shape (n_rows, n_components)."""
        check_is_fitted(self)
        return X @ self.components_.T


class SentenceVectors(TransformerMixin, BaseEstimator):
    """Vectors of texts by a model of the library sentence-transformers, which is imported on first use.

    Parameters
    ----------
    model : str
        Name of the model.
    """

    def __init__(self, model: str):
        self.model = model

    def fit(self, X: Sequence[str], y: Any = None) -> Self:
        """Load the model. Raise ImportError if the library is not installed."""
        self.n_components_ = _sentence_vectors(self.model, [""]).shape[1]  # the library renamed its method for this
        return self

    def transform(self, X: Sequence[str]) -> NDArray[np.float32]:
        """Convert texts to float32 vectors, of shape (n_texts, n_components)."""
        check_is_fitted(self)
        return _sentence_vectors(self.model, X)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray:
        """One name for each component."""
        check_is_fitted(self)
        return np.array([f"sentence{place}" for place in range(self.n_components_)], dtype=object)


def _sentence_vectors(name: str, texts: Sequence[str]) -> NDArray[np.float32]:
    return np.asarray(_sentence_model(name).encode(list(texts), show_progress_bar=False), np.float32)


@lru_cache(maxsize=1)
def _sentence_model(name: str) -> Any:
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError:
        raise ImportError(
            f"text_vectors(model={name!r}) needs the library sentence-transformers: pip install skrec[text]"
        ) from None
    return SentenceTransformer(name)


def _kind(column: pd.Series, sep: str) -> str:
    """The kind of content of a column."""
    if pd.api.types.is_bool_dtype(column.dtype):
        return "flag"
    if pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_datetime64_any_dtype(column.dtype):
        return "number" if column.notna().any() else "empty"
    if isinstance(column.dtype, pd.CategoricalDtype):
        return "category"
    present = column[[not _is_missing(entry) for entry in column]]
    if len(present) and all(isinstance(entry, bool | np.bool_) for entry in present):
        return "flag"
    if any(isinstance(entry, list | tuple | set | frozenset | np.ndarray) for entry in present):
        return "labels"
    return "labels" if any(isinstance(entry, str) and sep in entry for entry in present) else "category"


def _label_lists(column: pd.Series, *, sep: str) -> pd.Series:
    """The labels of each row."""

    def labels_of(entry: Any) -> list[str]:
        if _is_missing(entry):
            return []
        labels = entry.split(sep) if isinstance(entry, str) else entry
        return [label for label in map(str, labels) if label]

    return column.astype(object).map(labels_of)


def _is_missing(entry: Any) -> bool:
    return bool(pd.api.types.is_scalar(entry) and pd.isna(entry))


def _function(function: Any) -> FunctionTransformer:
    return FunctionTransformer(function, feature_names_out="one-to-one")


def _float_table(table: pd.DataFrame) -> pd.DataFrame:
    """Numbers as floats, and dates as days."""
    return pd.DataFrame({name: _as_floats(table[name]) for name in table})


def _as_floats(column: pd.Series) -> pd.Series:
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        start = pd.Timestamp(0, tz=getattr(column.dtype, "tz", None))
        return (column - start) / pd.Timedelta(days=1)
    return column.astype("float64")


def _as_binary(table: pd.DataFrame) -> pd.DataFrame:
    return table.astype("boolean").fillna(False).astype("float64")


def _as_zeros(table: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(0.0, index=table.index, columns=table.columns)


def _as_categories(table: pd.DataFrame) -> pd.DataFrame:
    """Categories as strings."""
    return table.astype(object).map(lambda entry: "missing" if _is_missing(entry) else str(entry))


def _as_text(column: pd.Series) -> pd.Series:
    return column.astype(object).map(lambda entry: "" if _is_missing(entry) else str(entry))


def _output_name(step: str, name: str, *, columns: list) -> str:
    """An output name that starts with the name of the column."""
    kind, _, place = step.partition(" ")
    return f"{columns[int(place)]}_{name}" if kind in ("text", "labels") else name
