"""The two forms of a call. It is said once, as a coroutine in the blocking class, and each form shows its signature and its text:

    class Client:
        @blocking
        async def status(self) -> StatusReport: ...

    class AsyncClient:
        status = awaited(Client.status)

Both classes have what the coroutine uses of `self`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from ._connections.transport import run_now

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")
Given = TypeVar("Given", contravariant=True)
Made = TypeVar("Made", covariant=True)


class OfBlocking(Protocol[Given, Made]):
    """A class whose objects are awaited, and made of blocking ones."""

    def _of(self, blocking: Given) -> Made: ...


def blocking(call: Callable[Concatenate[S, P], Coroutine[Any, Any, T]]) -> Callable[Concatenate[S, P], T]:
    """The form that returns when the answer is there: its connections block, so the coroutine never suspends."""

    def form(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return run_now(call(self, *args, **kwargs))

    _show(form, call)
    vars(form)["coroutine"] = call
    return form


def awaited(call: Callable[Concatenate[Any, P], T]) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]:
    """The form of a blocking call that is awaited."""
    coroutine = vars(call)["coroutine"]

    async def form(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> T:
        answer: T = await coroutine(self, *args, **kwargs)
        return answer

    _show(form, coroutine)
    return form


def awaited_as(
    kind: OfBlocking[T, Made], call: Callable[Concatenate[Any, P], T]
) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, Made]]:
    """The form of a blocking call that is awaited, where its answer is awaited again when it is read."""
    coroutine = vars(call)["coroutine"]

    async def form(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> Made:
        return kind._of(await coroutine(self, *args, **kwargs))

    _show(form, coroutine, kind)
    return form


def _show(form: Callable[..., Any], call: Callable[..., Any], answer: Any = None) -> None:
    """Lets a form be seen as the call: name, text and signature."""
    functools.update_wrapper(form, call)
    # Those who look behind a wrapper would take a blocking call for a coroutine.
    vars(form).pop("__wrapped__")
    signature = inspect.signature(call)
    vars(form)["__signature__"] = signature if answer is None else signature.replace(return_annotation=answer)
