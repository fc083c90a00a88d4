"""A call is said once: the blocking one and the one that is awaited show the same signature and the same text."""

from __future__ import annotations

import inspect
import pydoc
from typing import Any

import pytest

import headwater as hw
from headwater import aio
from headwater._connections.transport import run_now
from headwater._forms import awaited, awaited_as, blocking

PAIRS = [(hw.Client, aio.AsyncClient), (hw.HistoricalFeatures, aio.AsyncTable), (hw.Dataset, aio.AsyncDataset)]
# What is awaited again when it is read.
ANSWERS = {"Stream": aio.AsyncStream, "HistoricalFeatures": aio.AsyncTable, "Scan": aio.AsyncTable, "Dataset": aio.AsyncDataset}


def calls() -> list[tuple[str, Any, Any]]:
    """Each call by its name, in both forms."""
    both = []
    for one, other in PAIRS:
        names = [name for name in dir(other) if not name.startswith("_") and inspect.iscoroutinefunction(getattr(other, name))]
        both += [(f"{one.__name__}.{name}", getattr(one, name), getattr(other, name)) for name in names if name != "statuses"]
    return both


def test_all_calls_are_there_in_both_forms() -> None:
    assert len(calls()) > 30
    for one, other in PAIRS:
        assert {name for name in dir(one) if not name.startswith("_")} <= set(dir(other))


@pytest.mark.parametrize(("name", "one", "other"), calls(), ids=[name for name, _, _ in calls()])
def test_both_forms_of_a_call_show_the_same(name: str, one: Any, other: Any) -> None:
    assert not inspect.iscoroutinefunction(one)
    assert inspect.iscoroutinefunction(other)
    assert one.__doc__ and inspect.getdoc(one) == inspect.getdoc(other)
    shown, awaits = inspect.signature(one), inspect.signature(other)
    assert list(shown.parameters.values()) == list(awaits.parameters.values())
    answer = ANSWERS.get(str(shown.return_annotation), shown.return_annotation)
    assert awaits.return_annotation in (answer, getattr(answer, "__name__", None))
    assert one.__name__ == other.__name__ == name.split(".")[1]
    for form, beginning in ((one, ""), (other, "async ")):
        assert pydoc.render_doc(form, renderer=pydoc.plaintext).splitlines()[2].startswith(f"{beginning}{one.__name__}(self")


class Kept:
    def __init__(self, base: int) -> None:
        self.base = base

    @blocking
    async def sum(self, first: int, /, *others: int, sign: int = 1, **named: int) -> int:
        """The sum."""
        return sign * (self.base + first + sum(others) + sum(named.values()))


class Made:
    def __init__(self, number: int) -> None:
        self.number = number

    @staticmethod
    def _of(blocking: int) -> Made:
        return Made(blocking)


class Later(Kept):
    total = awaited(Kept.sum)
    made = awaited_as(Made, Kept.sum)


def test_arguments_of_every_kind_reach_both_forms() -> None:
    assert Kept(1).sum(2, 3, 4, sign=-1, more=5) == -15
    assert run_now(Later(1).total(2, 3, 4, sign=-1, more=5)) == -15
    made: Made = run_now(Later(1).made(2))
    assert made.number == 3
    for form in (Kept(1).sum, lambda **named: run_now(Later(1).total(**named)), lambda **named: run_now(Later(1).made(**named))):
        with pytest.raises(TypeError, match="missing 1 required positional argument: 'first'"):
            form(first=1)
