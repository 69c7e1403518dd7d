"""The deadline of the call around us, carried by a context variable into threads and tasks."""

from __future__ import annotations

from contextvars import ContextVar

from ._native import Deadline, set_deadline_variable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._flow import Flow
    from ._registry import Registry

#: The deadline in force; while a context holds one, guards look for theirs.
deadline: ContextVar[Deadline | None] = ContextVar("seawall_deadline", default=None)

set_deadline_variable(deadline)

#: The attempt that runs in this thread or task.
attempt: ContextVar[Flow | None] = ContextVar("seawall_attempt", default=None)


def spend(**amounts: int) -> None:
    """Says, inside a protected function, what the running attempt really cost a cost budget."""
    flow = attempt.get()
    if flow is None:
        from .errors import WrongOrderError

        raise WrongOrderError("spend() is called inside a function that a cost budget protects")
    flow.call.settle_cost(list(amounts.items()))


def left() -> int | None:
    """Nanoseconds to the deadline of the enclosing call or attempt; `None` without one."""
    around = deadline.get()
    if around is None:
        return None
    now: int = around.registry.now()
    return max(0, around.at - now)


def remaining() -> float | None:
    """Seconds that the enclosing protected call still has, or `None` if it may take for ever.

    A blocking function under ``timeout(..., mode="cooperative")`` passes this to its sockets and locks.
    """
    nanos = left()
    return None if nanos is None else nanos / 1e9


def narrowed(registry: Registry, limit: int | None) -> Deadline | None:
    """The deadline inside an attempt that may take `limit`: the earlier one holds."""
    around = deadline.get()
    if limit is None:
        return around
    if around is not None:
        outer = left()
        if outer is not None and outer <= limit:
            return around
    return Deadline(registry, min(registry.now() + limit, 2**64 - 1))
