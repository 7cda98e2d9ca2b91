import ast
import inspect
import pickle
import re
import sys
from collections import Counter
from dataclasses import field
from types import ModuleType
from typing import ClassVar

import numpy as np
import pytest
from sklearn.base import clone

from skrec import ALS, CosineRestarts, EarlyStopping, MFRecommender
from skrec._checks import check_choice, check_flag, check_int, check_number
from skrec.base import BaseRecommender
from skrec.base._parameters import DeclaredParameters
from skrec.models import all_estimators


class Base(DeclaredParameters):
    """A base.

    It has more to say.

    Parameters
    ----------
    width : int, default=8
        How wide.

        A second paragraph.
    names, places : tuple, default=()
        Both.

    Notes
    -----
    Only the base's own.
    """

    width: int = 8
    names: tuple = ()
    places: tuple = ()
    ordered: ClassVar[bool] = False


class Child(Base):
    """A child.

    It has more to say, too.

    Attributes
    ----------
    learned_ : int
    """

    depth: int | None = None
    width: int = 16


class WritesItsOwn(Base):
    """A class with a constructor.

    Parameters
    ----------
    size : int
    """

    def __init__(self, size, width=2):
        self.size = size
        self.width = width


class BelowIt(WritesItsOwn):
    """Its child."""

    depth: int = 3


def parameters_of(cls):
    return {name: parameter.default for name, parameter in inspect.signature(cls).parameters.items()}


def documented(cls):
    """(name, its line of type and default) of the Parameters section, in order; repeated if documented twice."""
    section = re.search(r"^Parameters\n-+\n(.*?)(?:\n\n\S[^\n]*\n---|\Z)", cls.__doc__, re.DOTALL | re.MULTILINE)
    lines = re.findall(r"^(\S.*?) : (.*)$", section.group(1), re.MULTILINE)
    return [(name, kind) for names, kind in lines for name in names.split(", ")]


# The constructor


POSTPONED = """
from __future__ import annotations
import typing
from typing import Any, ClassVar
from typing import ClassVar as Shared
from skrec.base._parameters import DeclaredParameters

class Postponed(DeclaredParameters):
    depth: int | None = None
    cache: ClassVar[dict] = {}
    other: typing.ClassVar[list] = []
    shared: Shared[set] = set()
    unknown: ClassVar[NotDefined] = None
    _index: Any
    table_: Any
"""


def test_postponed_annotations_declare_the_same_parameters(monkeypatch):
    module = ModuleType("postponed")
    monkeypatch.setitem(sys.modules, "postponed", module)
    exec(POSTPONED, vars(module))
    assert parameters_of(module.Postponed) == {"depth": None}
    assert vars(module.Postponed(depth=2)) == {"depth": 2}


def test_private_names_and_learned_names_without_a_value_are_no_parameters():
    class Typed(Base):
        _index: dict
        _table: ClassVar[dict] = {}
        rows_: object

    assert parameters_of(Typed) == parameters_of(Base)


def test_own_parameters_come_before_those_of_the_bases():
    class Grandchild(Child):
        """A grandchild.

        Parameters
        ----------
        places : tuple, default=(1,)
        height : int, default=1
            How high.
        """

        height: int = 1
        places: tuple = (1,)

    assert list(parameters_of(Grandchild)) == ["height", "places", "depth", "width", "names"]
    assert [name for name, _ in documented(Grandchild)][:3] == ["height", "places", "width"]


def test_annotated_attributes_are_keyword_parameters_of_an_explicit_signature():
    assert parameters_of(Child) == {"width": 16, "names": (), "places": (), "depth": None}
    kinds = {parameter.kind for parameter in inspect.signature(Child).parameters.values()}
    assert kinds == {inspect.Parameter.KEYWORD_ONLY}
    with pytest.raises(TypeError, match="positional"):
        Child(3)
    with pytest.raises(TypeError, match="unexpected keyword argument 'dept'"):
        Child(dept=3)


def test_the_constructor_stores_what_it_is_given_and_nothing_else():
    names = ["a list", "as it is"]
    assert vars(Child(names=names)) == {"width": 16, "names": names, "places": (), "depth": None}
    assert Child(names=names).names is names


def test_a_class_variable_is_no_parameter_and_may_be_overridden():
    class Ordered(Base):
        ordered = True

    assert "ordered" not in parameters_of(Ordered)
    assert Ordered().ordered


def test_a_parameter_without_a_default_is_required():
    class Needy(Base):
        target: str

    with pytest.raises(TypeError, match="Needy: missing a required argument: 'target'"):
        Needy()
    assert Needy(target="x").target == "x"


def test_parameters_of_several_parents_meet():
    class Other(DeclaredParameters):
        other: int = 1

    class Both(Child, Other):
        """Of two parents."""

    assert set(parameters_of(Both)) == {"width", "names", "places", "depth", "other"}


class Narrow(Base):
    """Of fixed width.

    Parameters
    ----------
    depth : int, default=2
        How deep.
    """

    _fixed = ("width", "places")

    depth: int = 2
    places = ("here",)


def test_a_fixed_parameter_is_no_keyword_but_can_be_read():
    assert parameters_of(Narrow) == {"depth": 2, "names": ()}
    assert (Narrow().width, Narrow().places) == (8, ("here",))
    assert clone(Narrow(depth=3)).get_params() == {"depth": 3, "names": ()}
    with pytest.raises(TypeError, match="Narrow: got an unexpected keyword argument 'width'"):
        Narrow(width=8)
    with pytest.raises(ValueError, match="Invalid parameter 'width'"):
        Narrow().set_params(width=8)


def test_a_fixed_parameter_is_not_documented():
    class Plain(Child):
        """Without documentation of its own."""

        _fixed = ("width",)

    assert [name for name, _ in documented(Narrow)][:1] == ["depth"] and "How wide." not in Narrow.__doc__
    assert "width" not in Plain.__doc__


def test_a_fixed_parameter_stays_fixed_in_subclasses_until_one_declares_it():
    class Below(Narrow):
        width = 32

    class Again(Below):
        width: int = 64

    assert "width" not in parameters_of(Below) and Below().width == 32
    assert parameters_of(Again) == {"width": 64, "depth": 2, "names": ()}
    assert Again(width=1).width == 1


@pytest.mark.parametrize(("fixed", "kind"), [("wdith", {}), ("depth", {"depth": int})])
def test_only_inherited_parameters_can_be_fixed(fixed, kind):
    with pytest.raises(TypeError, match=f"Careless._fixed must name inherited parameters .*, got '{fixed}'"):
        type("Careless", (Base,), {"_fixed": (fixed,), "__annotations__": kind, "depth": 1})


def test_an_override_without_an_annotation_is_refused():
    with pytest.raises(TypeError, match=r"Careless\.width overrides a parameter without an annotation: write 'width: type"):

        class Careless(Child):
            width = 32


def test_an_annotated_name_of_something_learned_is_refused():
    with pytest.raises(TypeError, match=r"Careless\.rows_ is annotated, .* names in _ are learned by fit"):

        class Careless(Base):
            rows_: int = 0


@pytest.mark.parametrize(
    "default",
    [[], {}, set(), field(default_factory=list), field(default=1), CosineRestarts()],
    ids=["list", "dict", "set", "factory", "field", "object with parameters"],
)
def test_a_mutable_default_or_a_factory_is_refused(default):
    with pytest.raises(TypeError, match=r"Careless\.names must have an immutable default, got"):

        class Careless(Base):
            names: tuple = default


NESTED = [
    ({}, {"early_stopping__patience": 5}, "early_stopping, such as EarlyStopping, got early_stopping=None"),
    ({"early_stopping": "ndcg@10"}, {"early_stopping__patience": 5}, "such as EarlyStopping, got early_stopping='ndcg@10'"),
    ({"solver": "als"}, {"solver__n_steps": 5}, "solver, such as ALS, got solver='als'"),
    ({"solver": ALS()}, {"solver": "als", "solver__n_steps": 5}, "solver, such as ALS, got solver='als'"),
    ({}, {"solver": ALS, "solver__n_steps": 5}, f"solver, such as ALS, got solver={ALS!r}"),
    ({"loss": "ccl"}, {"loss__margin": 0.1}, "loss, such as CosineContrastiveLoss, got loss='ccl'"),
    ({}, {"lr_schedule__cycle_len": 2}, "lr_schedule, such as CosineRestarts, got lr_schedule='one_cycle'"),
    ({}, {"solver__steps": 2}, "an object with parameters as solver, got solver='auto'"),
    ({}, {"n_factors__n": 2}, "an object with parameters as n_factors, got n_factors=64"),
]


@pytest.mark.parametrize(("given", "nested", "words"), NESTED, ids=str)
def test_a_nested_name_of_a_value_without_parameters_is_refused(given, nested, words):
    model = MFRecommender(**given)
    with pytest.raises(ValueError) as refusal:
        model.set_params(**nested)
    message = str(refusal.value)
    assert message.startswith(f"{list(nested)[-1]} needs an object with parameters as ") and message.endswith(words)
    assert model.get_params(deep=False) == MFRecommender(**given).get_params(deep=False)


def test_a_nested_name_applies_to_the_object_given_with_it():
    model = MFRecommender().set_params(solver__n_steps=5, solver=ALS(), early_stopping=EarlyStopping("ndcg@10"), n_factors=8)
    assert (model.solver.n_steps, model.early_stopping.scorer, model.n_factors) == (5, "ndcg@10", 8)
    assert model.set_params() is model


def test_an_unknown_name_is_refused_with_the_known_ones():
    for name in ("factors", "factors__n"):
        with pytest.raises(ValueError, match=r"Invalid parameter 'factors' for estimator MFRecommender.*'n_factors'"):
            MFRecommender().set_params(**{name: 2})


def test_nothing_is_generated_once_a_class_writes_its_own_constructor():
    assert list(parameters_of(WritesItsOwn)) == ["size", "width"]
    assert list(parameters_of(BelowIt)) == ["size", "width"]
    assert vars(BelowIt(1)) == {"size": 1, "width": 2}
    assert BelowIt(1).get_params() == {"size": 1, "width": 2}


# Documentation


def test_documentation_of_inherited_parameters_follows_the_classes_own():
    assert [name for name, _ in documented(Child)] == ["width", "names", "places"]
    assert Child.__doc__ == (
        "A child.\n\nIt has more to say, too.\n\n"
        "Parameters\n----------\n"
        "width : int, default=8\n    How wide.\n\n    A second paragraph.\n"
        "names, places : tuple, default=()\n    Both.\n\n"
        "Attributes\n----------\nlearned_ : int\n"
    )


def test_the_classes_own_words_about_a_parameter_win():
    class Wordy(Base):
        """Wordy.

        Parameters
        ----------
        width : int, default=9
            Of other meaning.
        """

        width: int = 9

    assert documented(Wordy) == [("width", "int, default=9"), ("names", "tuple, default=()"), ("places", "tuple, default=()")]


def test_only_parameters_that_the_constructor_takes_are_documented():
    assert [name for name, _ in documented(WritesItsOwn)] == ["size", "width"]
    assert [name for name, _ in documented(BelowIt)] == ["size", "width"]


def test_documentation_of_inherited_attributes_follows_the_classes_own():
    class Grandchild(Child):
        """A grandchild.

        Attributes
        ----------
        tables_ : list

        Notes
        -----
        None.
        """

    assert Grandchild.__doc__.endswith("Attributes\n----------\ntables_ : list\nlearned_ : int\n\nNotes\n-----\nNone.\n")


def test_a_class_without_parameters_keeps_its_documentation():
    class Plain(DeclaredParameters):
        """Plain.

        Notes
        -----
        None.
        """

    assert Plain.__doc__ == "Plain.\n\nNotes\n-----\nNone."


def test_mf_documents_its_own_parameters_and_those_of_its_base():
    names = [name for name, _ in documented(MFRecommender)]
    assert {"n_factors", "y_range"} <= set(names)
    assert {"loss", "max_epochs", "random_state"} <= set(names)


@pytest.mark.parametrize("estimator", all_estimators(), ids=lambda estimator: estimator.__name__)
class TestEveryEstimator:
    def test_documents_each_parameter_once_with_the_default_of_its_signature(self, estimator):
        defaults = {}
        for name, kind in documented(estimator):
            _, says_default, default = kind.partition("default=")
            assert says_default, f"{name} : {kind}"
            defaults[name] = ast.literal_eval(default)
        assert defaults == parameters_of(estimator)
        assert set(Counter(name for name, _ in documented(estimator)).values()) <= {1}

    def test_documents_the_attributes_of_its_bases_once(self, estimator):
        section = re.search(r"^Attributes\n-+\n(.*?)(?:\n\n\S[^\n]*\n---|\Z)", estimator.__doc__, re.DOTALL | re.MULTILINE)
        names = Counter(
            name for line in re.findall(r"^(\S.*?) : ", section.group(1), re.MULTILINE) for name in line.split(", ")
        )
        learned_by_all = {"user_ids_", "item_ids_", "n_users_", "n_items_", "events_", "seen_", "item_counts_", "popularity_"}
        assert learned_by_all <= set(names)
        assert set(names.values()) == {1}

    def test_takes_all_its_parameters_by_keyword(self, estimator):
        assert {parameter.kind for parameter in inspect.signature(estimator).parameters.values()} == {
            inspect.Parameter.KEYWORD_ONLY
        }

    def test_is_cloned_pickled_and_shown_with_its_parameters(self, estimator):
        model = estimator(**{name: f"a {name}" for name in parameters_of(estimator)})
        for copy in (clone(model), pickle.loads(pickle.dumps(model)), estimator().set_params(**model.get_params())):
            assert copy.get_params() == model.get_params() == vars(copy)
        assert repr(estimator()) == f"{estimator.__name__}()"
        name, *_ = parameters_of(estimator)
        assert repr(estimator(**{name: 12345})) == f"{estimator.__name__}({name}=12345)"

    def test_refuses_a_parameter_it_does_not_have(self, estimator):
        with pytest.raises(ValueError, match="Invalid parameter 'n_factor'"):
            estimator().set_params(n_factor=3)
        with pytest.raises(TypeError, match="unexpected keyword argument 'n_factor'"):
            estimator(n_factor=3)


def test_a_recommender_of_ones_own_needs_no_constructor():
    class Mine(BaseRecommender):
        """Mine.

        Parameters
        ----------
        power : float, default=0.5
        """

        power: float = 0.5

    assert clone(Mine(power=2)).get_params() == {"power": 2, "keep_events": True}


# Checks of values, in words

DAYS = np.timedelta64(3, "D")

GOOD = [
    (check_int, 1, {"at_least": 1}),
    (check_int, None, {"at_least": 1, "or_none": True}),
    (check_number, 0, {"at_least": 0}),
    (check_number, 1, {"above": 0.5, "below": 1.5}),
    (check_choice, "a", {"choices": ("a", 1)}),
    (check_choice, 1, {"choices": ("a", 1)}),
    (check_flag, False, {}),
]

BAD = [
    (check_int, True, {"at_least": 1}, TypeError, "k must be an integer of at least 1, got True"),
    (check_int, 2.0, {"at_least": 1}, TypeError, "k must be an integer of at least 1, got 2.0"),
    (check_int, "2", {"at_least": 1}, TypeError, "k must be an integer of at least 1, got '2'"),
    (check_int, None, {"at_least": 1}, TypeError, "k must be an integer of at least 1, got None"),
    (check_int, 0, {"at_least": 1}, ValueError, "k must be an integer of at least 1, got 0"),
    (check_int, -1, {"at_least": 0, "or_none": True}, ValueError, "k must be an integer of at least 0 or None, got -1"),
    (check_int, DAYS, {"at_least": 1}, TypeError, f"k must be an integer of at least 1, got {DAYS!r}"),
    (check_number, True, {}, TypeError, "k must be a finite number, got True"),
    (check_number, DAYS, {"above": 0}, TypeError, f"k must be a finite number above 0, got {DAYS!r}"),
    (check_number, "1", {}, TypeError, "k must be a finite number, got '1'"),
    (check_number, 1j, {}, TypeError, "k must be a finite number, got 1j"),
    (check_number, float("nan"), {}, ValueError, "k must be a finite number, got nan"),
    (check_number, float("inf"), {"above": 0}, ValueError, "k must be a finite number above 0, got inf"),
    (check_number, 0, {"above": 0}, ValueError, "k must be a finite number above 0, got 0"),
    (check_number, 1, {"at_least": 0, "below": 1}, ValueError, "k must be a finite number of at least 0 and below 1, got 1"),
    (check_number, -1, {"at_least": 0, "below": 1}, ValueError, "k must be a finite number of at least 0 and below 1, got -1"),
    (check_choice, "b", {"choices": ("a", 1)}, ValueError, "k must be one of 'a', 1, got 'b'"),
    (check_choice, True, {"choices": ("a", 1)}, ValueError, "k must be one of 'a', 1, got True"),
    (check_choice, ["a"], {"choices": ("a", 1)}, ValueError, "k must be one of 'a', 1, got ['a']"),
    (check_flag, 1, {}, TypeError, "k must be True or False, got 1"),
    (check_flag, None, {}, TypeError, "k must be True or False, got None"),
]  # fmt: skip


@pytest.mark.parametrize(("check", "value", "options"), GOOD)
def test_values_within_bounds_pass(check, value, options):
    check(value, "k", **options)


@pytest.mark.parametrize(("check", "value", "options", "error", "message"), BAD)
def test_other_values_are_refused_with_the_name_the_value_and_what_is_accepted(check, value, options, error, message):
    with pytest.raises(error) as caught:
        check(value, "k", **options)
    assert str(caught.value) == message
