"""Numbers from what is known of users and items: categories, quantities, several labels at once, text."""

from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.utils.extmath import randomized_svd, svd_flip
from sklearn.utils.validation import check_is_fitted

from skrec._checks import check_int
from skrec.data._random import as_random_state

__all__ = ["FeatureEncoder", "text_vectors"]


class FeatureEncoder(TransformerMixin, BaseEstimator):
    """A table of users or items as numbers, which `Interactions` takes for features.

    What a column holds says what becomes of it:

    * numbers and dates are standardised, and what is missing becomes 0, their mean; a column without any is all 0;
    * booleans become 0 and 1, a missing one 0;
    * several labels at once (lists, tuples, sets, or strings such as "Comedy|Drama") give a column for each label;
    * the columns named by ``text`` become vectors;
    * anything else is a category and gives a column for each of its values, also for "missing".

    Labels, words and categories that were not there in `fit` become zeros.

    Parameters
    ----------
    text : str or sequence of str, default=()
        Columns of prose.
    text_encoder : transformer of lists of strings, default=None
        Cloned for each of these columns; None means `text_vectors()`.
    sep : str, default="|"
        What stands between the labels of a string; a column with it in any row holds several labels.
    max_categories : int, default=None
        Most columns that a category gives, the rare values sharing one. None sets no limit.

    Attributes
    ----------
    encoder_ : ColumnTransformer
        scikit-learn's own, which does the work.
    feature_names_in_ : array of the columns' names
    n_features_in_ : int

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
        """Learn which labels, categories and words there are, and how far numbers lie apart.

        Parameters
        ----------
        X : DataFrame
            A row for each user or item, with their labels for an index; every column is a feature.
        y : ignored

        Raises
        ------
        ValueError, TypeError
            If X is no DataFrame or empty, lacks a column named in ``text``, or names of columns are no words or occur twice,
            also in the answer; if a column of labels or text has none in any row.
        """
        self._check(X)
        prose = [self.text] if isinstance(self.text, str) else list(self.text)
        lacking = [column for column in prose if column not in X.columns]
        if lacking:
            raise ValueError(f"text names columns that X does not have: {lacking}; it has {list(X.columns)[:8]}")
        kinds = {column: "text" if column in prose else _kind(X[column], self.sep) for column in X.columns}
        encoder = self._transformer(kinds)
        self._check_words(X, kinds)
        names = pd.Index(encoder.fit(X).get_feature_names_out())
        if names.has_duplicates:
            raise ValueError(
                f"two columns of X give features of the same names, {list(names[names.duplicated()])[:8]}: rename one of them"
            )
        self.encoder_ = encoder
        self.feature_names_in_, self.n_features_in_ = np.asarray(X.columns, dtype=object), X.shape[1]
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Numbers, float32, one row for each of X under the same label.

        Columns that `fit` has not seen are left out; ValueError if one is lacking.
        """
        check_is_fitted(self)
        self._check(X)
        lacking = [column for column in self.feature_names_in_ if column not in X.columns]
        if lacking:
            raise ValueError(f"X lacks the columns {lacking} that the encoder was fitted with")
        numbers = self.encoder_.transform(X[list(self.feature_names_in_)])
        return pd.DataFrame(numbers.astype(np.float32), index=X.index, columns=self.get_feature_names_out())

    def get_feature_names_out(self, input_features: Any = None) -> NDArray:
        """What the columns of the answer are called."""
        check_is_fitted(self)
        return self.encoder_.get_feature_names_out()

    def _transformer(self, kinds: dict[str, str]) -> ColumnTransformer:
        """One step for each column, in the order of the columns."""
        if not isinstance(self.sep, str) or not self.sep:
            raise ValueError(f"sep must be a string of at least one character, got {self.sep!r}")
        unseen = "ignore" if self.max_categories is None else "infrequent_if_exist"
        text_encoder = text_vectors() if self.text_encoder is None else self.text_encoder
        steps = {
            "text": make_pipeline(_function(_prose), clone(text_encoder)),
            "flag": _function(_flags),
            "nothing": _function(_zeros),
            "number": make_pipeline(
                _function(_floats), StandardScaler(), SimpleImputer(strategy="constant", fill_value=0, keep_empty_features=True)
            ),
            "labels": make_pipeline(
                _function(partial(_label_lists, sep=self.sep)), CountVectorizer(analyzer=list, binary=True)
            ),
            "category": make_pipeline(
                _function(_words),
                OneHotEncoder(handle_unknown=unseen, max_categories=self.max_categories, sparse_output=False),
            ),
        }
        one_column = ("text", "labels")  # these read a column, the others a table
        transformers = [
            (f"{kind} {place}", steps[kind], column if kind in one_column else [column])
            for place, (column, kind) in enumerate(kinds.items())
        ]
        naming = partial(_named, columns=list(kinds))
        return ColumnTransformer(transformers, sparse_threshold=0, verbose_feature_names_out=naming)

    def _check_words(self, X: pd.DataFrame, kinds: dict[str, str]) -> None:
        word = r"\w\w" if self.text_encoder is None else r"\S"  # TF-IDF takes a single letter for no word
        for column, kind in kinds.items():
            if kind == "labels" and not _label_lists(X[column], sep=self.sep).map(len).any():
                raise ValueError(f"column {column!r} of X has no label in any row: leave it out")
            if kind == "text" and not _prose(X[column]).str.contains(word).any():
                raise ValueError(f"column {column!r} of X, named in text, has no word in any row: leave it out")

    def _check(self, X: Any) -> None:
        if not isinstance(X, pd.DataFrame):
            raise TypeError(f"X must be a pandas DataFrame of features, got {type(X).__name__}")
        named = all(isinstance(column, str) for column in X.columns)
        if X.empty or X.columns.has_duplicates or not named:
            raise ValueError(
                f"X must have rows, and columns with distinct words for names, got {X.shape}: {list(X.columns)[:8]}"
            )


def text_vectors(n_components: int = 64, *, model: str | None = None, random_state: Any = 0) -> Any:
    """A scikit-learn transformer of texts into vectors: those that share words lie near each other.

    Parameters
    ----------
    n_components : int, default=64
        Width of the vectors, or the number of different words or of texts if there are fewer. Not used with a model.
    model : str, default=None
        None: TF-IDF and a truncated singular value decomposition, learned from the texts themselves. A name that the library
        sentence-transformers knows, such as "all-MiniLM-L6-v2", is loaded by it when the transformer is used, which may
        download it; ``pip install skrec[text]`` installs the library.
    random_state : int, Generator, RandomState or None, default=0
        Of the decomposition.

    Returns
    -------
    Pipeline, or a transformer that holds the model's name

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
    """A truncated singular value decomposition, as wide as asked for, if there are so many rows and columns.

    Parameters
    ----------
    n_components : int
    random_state : int, Generator, RandomState or None, default=None
    """

    def __init__(self, n_components: int, *, random_state: Any = None):
        self.n_components = n_components
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Decompose numbers (n_rows, n_columns), dense or sparse."""
        check_int(self.n_components, "n_components", at_least=1)
        width, generator = min(self.n_components, X.shape[1]), as_random_state(self.random_state)
        left, _, right = randomized_svd(X, width, n_iter=5, random_state=generator, flip_sign=False)
        self.components_ = svd_flip(left, right, u_based_decision=False)[1]
        self._n_features_out = len(self.components_)
        return self

    def transform(self, X: Any) -> NDArray:
        """Vectors, (n_rows, width)."""
        check_is_fitted(self)
        return X @ self.components_.T


class SentenceVectors(TransformerMixin, BaseEstimator):
    """Texts as vectors by a model of the library sentence-transformers, which is imported when it is used.

    Parameters
    ----------
    model : str
    """

    def __init__(self, model: str):
        self.model = model

    def fit(self, X: Sequence[str], y: Any = None) -> Self:
        """Nothing is learned; ImportError where the library is not installed."""
        self.n_components_ = _sentence_vectors(self.model, [""]).shape[1]  # the method that says it has had two names
        return self

    def transform(self, X: Sequence[str]) -> NDArray[np.float32]:
        """Vectors, float32 (n_texts, width)."""
        check_is_fitted(self)
        return _sentence_vectors(self.model, X)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray:
        """One name for each coordinate."""
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
    """What a column holds, which decides what becomes of it."""
    if pd.api.types.is_bool_dtype(column.dtype):
        return "flag"
    if pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_datetime64_any_dtype(column.dtype):
        return "number" if column.notna().any() else "nothing"
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


def _floats(table: pd.DataFrame) -> pd.DataFrame:
    """Numbers; dates as days."""
    return pd.DataFrame({name: _as_floats(table[name]) for name in table})


def _as_floats(column: pd.Series) -> pd.Series:
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        start = pd.Timestamp(0, tz=getattr(column.dtype, "tz", None))
        return (column - start) / pd.Timedelta(days=1)
    return column.astype("float64")


def _flags(table: pd.DataFrame) -> pd.DataFrame:
    return table.astype("boolean").fillna(False).astype("float64")


def _zeros(table: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(0.0, index=table.index, columns=table.columns)


def _words(table: pd.DataFrame) -> pd.DataFrame:
    """Categories as words, whatever they were."""
    return table.astype(object).map(lambda entry: "missing" if _is_missing(entry) else str(entry))


def _prose(column: pd.Series) -> pd.Series:
    return column.astype(object).map(lambda entry: "" if _is_missing(entry) else str(entry))


def _named(step: str, name: str, *, columns: list) -> str:
    """A name that begins with the column's own."""
    kind, _, place = step.partition(" ")
    return f"{columns[int(place)]}_{name}" if kind in ("text", "labels") else name
