"""What can go wrong, the kind first and the words second.

Refusals (`RejectedError`) and elapsed time (`TimedOutError`) are Seawall's own; the error of the
protected function always passes through untouched. Cancellation is never wrapped.
"""

from __future__ import annotations

from ._native import OpenCircuit, Report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "AttemptTimeoutError",
    "BulkheadFullError",
    "BulkheadTimeoutError",
    "CircuitOpenError",
    "ConfigError",
    "CostExceededError",
    "DeadlineExceededError",
    "HostUnavailableError",
    "InternalError",
    "InvalidSizeError",
    "InvalidTextError",
    "NoSuchPartError",
    "NullArgumentError",
    "RejectedError",
    "SeawallError",
    "StaleHandleError",
    "TimedOutError",
    "UnknownPolicyError",
    "UnknownValueError",
    "UsageError",
    "WrongOrderError",
]


class SeawallError(Exception):
    """Everything that Seawall itself raises."""

    #: The name of the kind, the same in every language.
    code: str = "seawall"
    #: The policy that raised it, where it has a name.
    policy: str | None = None
    #: Attempts that were started, and seconds spent, when the call ended.
    attempts: int = 0
    elapsed: float = 0.0


class RejectedError(SeawallError):
    """A policy did not let the call through: the protected function did not run."""

    code = "rejected"
    #: Seconds after which another try is worth it; `None` where nobody knows.
    retry_after: float | None = None


class _Told:
    """What an error that the native half raised says, until somebody sets something else."""

    __slots__ = ("_name", "_otherwise")

    def __init__(self, name: str, otherwise: str | None) -> None:
        self._name, self._otherwise = name, otherwise

    def __get__(self, error: CircuitOpenError | None, owner: type) -> Any:
        # There a message would be, and it is one to whoever shows it: it makes its words when it is read.
        told = error.args[0] if error is not None and error.args else None
        return getattr(told, self._name) if type(told) is OpenCircuit else self._otherwise


class CircuitOpenError(RejectedError):
    """The circuit is open, half-open with all probes out, or forced open: see `state`."""

    code = "circuit_open"
    state: str = _Told("state", "open")  # type: ignore[assignment]
    retry_after: float | None = _Told("retry_after", None)  # type: ignore[assignment]
    policy: str | None = _Told("policy", None)  # type: ignore[assignment]

    @property
    def time_until_retry(self) -> float | None:
        """Seconds until a call may be let through again."""
        return self.retry_after


class BulkheadFullError(RejectedError):
    """All permits of the bulkhead are in use, and its queue is full."""

    code = "bulkhead_full"
    in_use: int = 0
    limit: int = 0


class BulkheadTimeoutError(BulkheadFullError):
    """No permit of the bulkhead became free within `max_wait`."""

    code = "bulkhead_timeout"
    waited: float = 0.0


class CostExceededError(RejectedError):
    """A cost budget is spent: `amount` names the kind, `consumed` and `limit` say how much."""

    code = "cost_exceeded"
    amount: str | None = None
    consumed: int = 0
    limit: int = 0


class HostUnavailableError(RejectedError):
    """The state that the processes of this host share cannot be had, and the policy requires it.

    Calls go through again by themselves within a second or two of its coming back.
    """

    code = "host_unavailable"
    #: What is wrong with it, where, and what to do about it.
    problem: str | None = None


class TimedOutError(SeawallError, TimeoutError):
    """The call ran out of time."""

    code = "timed_out"
    #: Seconds that were allowed.
    limit: float = 0.0


class AttemptTimeoutError(TimedOutError):
    """An attempt took longer than its limit."""

    code = "attempt_timeout"


class DeadlineExceededError(TimedOutError):
    """The deadline of the whole call passed, waits and retries included."""

    code = "deadline_exceeded"


class ConfigError(SeawallError, ValueError):
    """A configuration is wrong: where, why, and what to write instead."""

    code = "invalid_config"
    #: The kind of mistake: `unknown_option`, `missing_unit`, `out_of_range`, …
    kind: str = ""
    #: A JSON pointer from the root of the configuration: `/policy/llm/retry/attempts`.
    path: str = ""
    reason: str = ""
    suggestion: str | None = None
    source: str | None = None


class UnknownPolicyError(ConfigError):
    """No policy of that name is declared in the file or the environment."""

    code = "unknown_policy"


class UsageError(SeawallError, RuntimeError):
    """Seawall was used against its rules; the message says which."""

    code = "misuse"


class UnknownValueError(UsageError):
    """A number or word that means nothing here."""

    code = "unknown_value"


class NullArgumentError(UsageError):
    """An argument that must be given was not."""

    code = "null_argument"


class InvalidTextError(UsageError):
    """Text that is not valid UTF-8, or a name that is too long."""

    code = "invalid_text"


class NoSuchPartError(UsageError):
    """The policy has no part of that kind."""

    code = "no_such_part"


class StaleHandleError(UsageError):
    """A permit or ticket that was already given back."""

    code = "stale_handle"


class InvalidSizeError(UsageError):
    """A structure of the wrong size crossed the boundary."""

    code = "invalid_size"


class WrongOrderError(UsageError):
    """A step was reported that nobody had asked for."""

    code = "wrong_order"


class InternalError(SeawallError):
    """A fault of Seawall itself. The protected function ran, or runs, without protection."""

    code = "panicked"


#: One class for each code of the core; a test walks the core's list.
BY_CODE: dict[str, type[SeawallError]] = {
    kind.code: kind
    for kind in (
        CircuitOpenError,
        BulkheadFullError,
        BulkheadTimeoutError,
        AttemptTimeoutError,
        DeadlineExceededError,
        CostExceededError,
        HostUnavailableError,
        UnknownValueError,
        NullArgumentError,
        ConfigError,
        InvalidTextError,
        NoSuchPartError,
        StaleHandleError,
        InvalidSizeError,
        UnknownPolicyError,
        WrongOrderError,
        InternalError,
    )
}


def from_refusal(refusal: dict[str, Any], policy: str | None = None) -> SeawallError:
    """The error for a refusal of the core; always a new object, so that no traceback is kept."""
    code = refusal["code"]
    message = refusal["message"]
    error = BY_CODE[code](f"{policy}: {message}" if policy else message)
    error.policy = policy
    if isinstance(error, RejectedError):
        error.retry_after = refusal["retry_after"]
    if isinstance(error, CircuitOpenError):
        error.state = refusal["state"] or "open"
    elif isinstance(error, BulkheadTimeoutError):
        error.waited = refusal["limit"] / 1e9
    elif isinstance(error, BulkheadFullError):
        error.in_use, error.limit = refusal["used"], refusal["limit"]
    elif isinstance(error, CostExceededError):
        error.amount = refusal["amount"]
        error.consumed, error.limit = refusal["used"], refusal["limit"]
    elif isinstance(error, HostUnavailableError):
        error.problem = refusal["problem"]
    elif isinstance(error, TimedOutError):
        error.limit = refusal["limit"] / 1e9
    return error


def report(error: BaseException) -> Report | None:
    """Attempts, elapsed seconds and the reason why a call stopped trying, for the error it ended with.

    Reasons: `attempts`, `elapsed`, `budget`, `server`, `permanent`, `refused`, `deadline`, `cancelled`.
    """
    found: Report | None = getattr(error, "__seawall__", None)
    if found is None and isinstance(error, RejectedError):
        # Raised where no driver was needed: nothing had begun.
        return Report(0, 0.0, "refused", error.policy)
    return found


def config_error(
    kind: str, path: str, reason: str, suggestion: str | None = None, source: str | None = None
) -> ConfigError:
    """A configuration error in the words of the core: path, reason, nearest right name, source."""
    # What is wrong with the whole is told of its source.
    place, within = (path, source) if path else (source, None)
    message = f"{place}: {reason}" if place else reason
    if suggestion:
        message += f"; did you mean `{suggestion}`?"
    if within:
        message += f" (in {within})"
    error = ConfigError(message)
    error.kind, error.path, error.reason = kind, path, reason
    error.suggestion, error.source = suggestion, source
    return error
