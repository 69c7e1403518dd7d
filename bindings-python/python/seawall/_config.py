# Generated from core/src/config/schema; do not edit. Make it anew with: cargo xtask gen
"""Types of configurations: the shape of one `[policy.NAME]` table, part by part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Literal, Required, TypedDict, Union

#: A length of time: seconds, a `timedelta`, or text with its unit (`"250ms"`, `"30s"`); plain data takes text only.
Duration = Union[float, timedelta, str]


class HostOptions(TypedDict, total=False):
    """The file that the processes of a host share."""

    name: str | Literal[False]
    """Its name: who shares must name the same, in the same folder. Default: default."""

    dir: str | Literal[False]
    """Its folder, which the user alone may enter (0700). Default: one of the user's own under /dev/shm."""

    size: int
    """Its size in bytes, where it has to be made. Default: 8388608."""

    group: int | Literal[False]
    """The number of a group whose members share it; the folder then belongs to the group (0770)."""

    show_keys: bool
    """Whether keys are written into it as text, for the `seawall` command to show, or only as hashes. Default: false."""


class SharedCostOptions(TypedDict, total=False):
    """A cost budget that policies share; the table's name is its name."""

    limits: Mapping[str, int]
    """The amounts and their limits, at most eight."""

    per: Duration | Literal[False]
    """The budget fills up again at the start of each period. Default: never."""


class CostLimitsOptions(TypedDict, total=False):
    """A limit on named amounts."""

    name: str
    """Policies that give the same name share the budget."""

    limits: Mapping[str, int]
    """The amounts and their limits, at most eight."""

    per: Duration | Literal[False]
    """The budget fills up again at the start of each period. Default: never."""


class CacheOptions(TypedDict, total=False):
    """Good results that are kept."""

    ttl: Duration
    """How long a result is fresh. Default: 5m."""

    stale_for: Duration | Literal[False]
    """How long past that it may still be served, marked as stale."""

    size: int
    """How many results are kept. Default: 1024."""

    first: bool
    """Whether it is looked at before the call, and not only when the call fails. Default: false."""

#: Failures that a fallback answers.
FallbackOnWord = Literal["refused", "timeout", "failure", "throttled", "any"]

#: One link of a fallback chain.
FallbackStepWord = Literal["value", "function", "cached", "stale", "empty", "fail_open", "fail_closed"]


class FallbackOptions(TypedDict, total=False):
    """What is answered when the call fails."""

    chain: Sequence[FallbackStepWord]
    """The answers that are tried, in their order. Default: value where a value is given."""

    value: bool | int | float | str
    """The answer of the step `value`."""

    on: Sequence[FallbackOnWord]
    """Which ends of a call it answers. Default: refused, timeout, failure, throttled."""

    timeout: Duration
    """The limit of a function's own time. Default: 1s."""


class AdaptiveOptions(TypedDict, total=False):
    """A limit that follows the duration of past attempts: quantile × factor, between `min` and the attempt timeout."""

    quantile: float
    """Which of the past durations is taken. Default: 0.95."""

    factor: float
    """What it is multiplied by. Default: 1.5."""

    min: Duration
    """The shortest limit. Default: 10ms."""

    span: Duration
    """How far is looked back. Default: 5m."""

    minimum_calls: int
    """Below so many attempts the attempt timeout holds. Default: 20."""

#: How an attempt that runs out of time is ended.
TimeoutModeWord = Literal["cooperative", "abandon"]


class TimeoutOptions(TypedDict, total=False):
    """Limits on time."""

    name: str | Literal[False]
    """The name its metrics carry."""

    attempt: Duration | Literal[False]
    """The limit of each attempt. Default: that of operation, else none."""

    deadline: Duration | Literal[False]
    """The limit of the whole call, waits and retries included."""

    mode: TimeoutModeWord | Literal[False]
    """How an attempt that runs out of time is ended. Default: the way of the language."""

    slow_after: Duration | Literal[False]
    """A call longer than this raises the event `slow`; nothing is cancelled."""

    idle: Duration | Literal[False]
    """The limit of the gaps between the items of a stream."""

    operation: str | Literal[False]
    """A kind of operation whose limit is looked up in the `[operation]` table."""

    adaptive: AdaptiveOptions | bool
    """A limit that follows the duration of past attempts."""

    caller_deadline_after: Duration
    """A caller's own deadline that passes counts as a timeout if the attempt had run this long. Default: 1s."""


class BulkheadOptions(TypedDict, total=False):
    """A bound on calls under way at once."""

    name: str | Literal[False]
    """Policies that name the same bulkhead share its permits."""

    limit: int | Literal[False]
    """How many calls may be under way at once. Default: that of resource, else 25."""

    queue: int | Literal[False]
    """How many callers may wait for a permit. Default: 0, or unbounded where max_wait is given."""

    max_wait: Duration | Literal[False]
    """How long a caller may wait for a permit."""

    resource: str | Literal[False]
    """A kind of resource whose limit is looked up in the `[resource]` table."""


class TokenCostsOptions(TypedDict, total=False):
    """What a retry costs, by the outcome it follows."""

    failure: int
    """After a failure. Default: 14."""

    timeout: int
    """After a timeout. Default: 14."""

    throttled: int
    """After a throttled call. Default: 5."""

    hedge: int
    """An extra attempt beside a running one. Default: 14."""


class TokenBudgetOptions(TypedDict, total=False):
    """A bucket of tokens: retries take, successes give back."""

    kind: Literal["tokens"]

    name: str | Literal[False]
    """Policies that give the same name share the budget."""

    capacity: int
    """How many tokens the bucket holds; it starts full. Default: 500."""

    costs: TokenCostsOptions
    """What a retry costs."""

    refund: int
    """What a call that succeeds at its first attempt gives back. Default: 1."""


class RatioBudgetOptions(TypedDict, total=False):
    """Retries may be so large a share of the calls."""

    kind: Required[Literal["ratio"]]

    name: str | Literal[False]
    """Policies that give the same name share the budget."""

    share: float
    """Retries for each call. Default: 0.2."""

    floor_per_second: float
    """Retries that are always allowed. Default: 10."""

    span: Duration
    """How far is looked back. Default: 10s."""


class ConcurrentBudgetOptions(TypedDict, total=False):
    """So large a share of the calls under way may be retries."""

    kind: Required[Literal["concurrent"]]

    name: str | Literal[False]
    """Policies that give the same name share the budget."""

    share: float
    """Retries for each call under way. Default: 0.2."""

    floor: int
    """Retries at once that are always allowed. Default: 3."""


class CapBudgetOptions(TypedDict, total=False):
    """So many retries at once."""

    kind: Required[Literal["cap"]]

    name: str | Literal[False]
    """Policies that give the same name share the budget."""

    retries: int
    """Retries at once."""

#: A limit on retries, so that they cannot multiply the load on a dependency in trouble.
BudgetOptions = Union[
    TokenBudgetOptions,
    RatioBudgetOptions,
    ConcurrentBudgetOptions,
    CapBudgetOptions,
    str,
]


class OwnDelayOptions(TypedDict, total=False):
    """Delays of its own for one class of outcome."""

    backoff: BackoffOptions | bool
    """The delay before chance changes it. Default: the retry's own."""

    jitter: JitterOptions | bool
    """What chance does to it. Default: the retry's own."""


class ByOutcomeOptions(TypedDict, total=False):
    """Delays by the class of the outcome before the retry."""

    failure: OwnDelayOptions | bool
    """After a failure."""

    timeout: OwnDelayOptions | bool
    """After a timeout."""

    throttled: OwnDelayOptions | bool
    """After a throttled call."""

#: What is done with the time a server asks for.
ServerHintWord = Literal["exact", "clamp", "ignore"]


class FullJitterOptions(TypedDict, total=False):
    """Anything from nothing to the whole delay."""

    kind: Literal["full"]


class EqualJitterOptions(TypedDict, total=False):
    """Half of the delay, and anything up to the other half."""

    kind: Required[Literal["equal"]]


class ProportionalJitterOptions(TypedDict, total=False):
    """The delay, plus or minus a share of it."""

    kind: Required[Literal["proportional"]]

    factor: float
    """The share. Default: 0.25."""


class AdditiveJitterOptions(TypedDict, total=False):
    """The delay, and up to a share of it on top."""

    kind: Required[Literal["additive"]]

    factor: float
    """The share. Default: 0.25."""


class AbsoluteJitterOptions(TypedDict, total=False):
    """The delay, plus or minus a length of time."""

    kind: Required[Literal["absolute"]]

    span: Duration
    """The length of time."""


class DecorrelatedJitterOptions(TypedDict, total=False):
    """Anything between base and three times the delay before."""

    kind: Required[Literal["decorrelated"]]


class DecorrelatedV2JitterOptions(TypedDict, total=False):
    """Smooth exponential growth whose median is the base times two to the retry."""

    kind: Required[Literal["decorrelated_v2"]]


class NoJitterOptions(TypedDict, total=False):
    """The delay as it is."""

    kind: Required[Literal["none"]]

#: What chance does to a delay, so that callers do not come back all at once.
JitterOptions = Union[
    FullJitterOptions,
    EqualJitterOptions,
    ProportionalJitterOptions,
    AdditiveJitterOptions,
    AbsoluteJitterOptions,
    DecorrelatedJitterOptions,
    DecorrelatedV2JitterOptions,
    NoJitterOptions,
    Literal["full", "equal", "proportional", "additive", "absolute", "decorrelated", "decorrelated_v2", "none"],
]


class ExponentialBackoffOptions(TypedDict, total=False):
    """base × factor^(retry − 1)."""

    kind: Literal["exponential"]

    base: Duration
    """The delay before the first retry. Default: 100ms."""

    factor: float
    """What each further retry multiplies it by. Default: 2."""

    cap: Duration | Literal[False]
    """The longest delay. Default: 20s, or base where that is longer."""


class LinearBackoffOptions(TypedDict, total=False):
    """base × retry."""

    kind: Required[Literal["linear"]]

    base: Duration
    """The delay before the first retry, and what each further retry adds. Default: 100ms."""

    cap: Duration | Literal[False]
    """The longest delay. Default: 20s, or base where that is longer."""


class FixedBackoffOptions(TypedDict, total=False):
    """The same delay each time."""

    kind: Required[Literal["fixed"]]

    base: Duration
    """The delay. Default: 100ms."""

    cap: Duration | Literal[False]
    """The longest delay, jitter included. Default: none."""


class ListBackoffOptions(TypedDict, total=False):
    """Delays one by one; the last repeats."""

    kind: Required[Literal["list"]]

    delays: Sequence[Duration]
    """The delays in their order."""

    cap: Duration | Literal[False]
    """The longest delay, jitter included. Default: none."""


class UniformBackoffOptions(TypedDict, total=False):
    """By chance between two ends; no jitter on top."""

    kind: Required[Literal["uniform"]]

    min: Duration
    """The shortest delay."""

    max: Duration
    """The longest delay."""

#: The delay before the next retry, before chance changes it.
BackoffOptions = Union[
    ExponentialBackoffOptions,
    LinearBackoffOptions,
    FixedBackoffOptions,
    ListBackoffOptions,
    UniformBackoffOptions,
    Literal["exponential", "linear", "fixed", "list", "uniform"],
    Sequence[Duration],
]


class RetryOptions(TypedDict, total=False):
    """Calls again after a failure."""

    attempts: int
    """How often the function is called at most; the first call counts. Default: 3."""

    backoff: BackoffOptions
    """The delay before the next retry."""

    jitter: JitterOptions | bool
    """What chance does to the delay. Default: full; none on uniform delays."""

    max_elapsed: Duration | Literal[False]
    """No retry begins later than this after the first attempt."""

    server_hint: ServerHintWord
    """What is done with the time a server asks for. Default: exact."""

    hint_cap: Duration
    """A server that asks for more than this is not called again. Default: 60s."""

    retry_refused: bool
    """Whether the refusal of a nested policy is retried, after its `retry_after`. Default: false."""

    by_outcome: ByOutcomeOptions
    """Delays of its own for a class of outcome."""

    budget: BudgetOptions | bool
    """A limit on retries; bare text names a budget of the `[budget]` table."""

#: What a circuit is doing.
StateWord = Literal["closed", "open", "half_open", "forced_open", "disabled", "metrics_only"]

#: Where a half-open circuit goes when `max_wait` ends without a verdict.
OnMaxWaitWord = Literal["open", "closed"]

#: How probes are counted.
ProbeModeWord = Literal["total", "concurrent"]


class HalfOpenOptions(TypedDict, total=False):
    """How a circuit finds out whether it may close."""

    permits: int | Literal[False]
    """How many probes are let through. Default: of where it is given, else 1."""

    mode: ProbeModeWord
    """Whether `permits` counts all probes until the verdict or those under way at once. Default: total."""

    successes: int | Literal[False]
    """How many successes close the circuit."""

    of: int | Literal[False]
    """Out of how many results. Default: successes, where that is given."""

    max_wait: Duration | Literal[False]
    """How long the circuit waits half-open for a verdict."""

    on_max_wait: OnMaxWaitWord
    """Where it goes when `max_wait` ends. Default: open."""

    lease: Duration | Literal[False]
    """How long a probe may take before its permit is given to another. Default: the longest of 30s, slow_call.longer_than and the attempt timeout."""


class OpenForOptions(TypedDict, total=False):
    """How long the circuit stays open: base × factor^(re-openings since it was last closed), capped."""

    base: Duration
    """The first open time. Default: 30s."""

    factor: float
    """What each re-opening multiplies it by. Default: 1.0."""

    cap: Duration
    """The longest open time. Default: 5m, or base where that is longer."""

    jitter: float
    """The share of the open time that chance may add or take away. Default: 0."""


class SlowCallOptions(TypedDict, total=False):
    """A rule on calls that succeed too slowly."""

    longer_than: Duration
    """A success that took strictly longer is slow."""

    rate: float
    """The share of slow calls that opens the circuit. Default: 1.0."""


class ConsecutiveWindowOptions(TypedDict, total=False):
    """So many failures in a row open the circuit."""

    kind: Literal["consecutive"]

    failures: int
    """Failures in a row that open the circuit. Default: 5."""


class CountWindowOptions(TypedDict, total=False):
    """The last calls decide."""

    kind: Required[Literal["count"]]

    size: int
    """How many calls are looked back on. Default: 100."""


class TimeWindowOptions(TypedDict, total=False):
    """The calls of the last moments decide."""

    kind: Required[Literal["time"]]

    span: Duration
    """How far is looked back. Default: 30s."""

    slices: int
    """Into how many slices the span is cut; the oldest is forgotten whole. Default: 10."""

    aligned: bool
    """Whether slices begin at multiples of their length, and not with the first call. Default: false."""

#: Which calls the rules of a breaker look at.
WindowOptions = Union[
    ConsecutiveWindowOptions,
    CountWindowOptions,
    TimeWindowOptions,
    Literal["consecutive", "count", "time"],
]


class BreakerOptions(TypedDict, total=False):
    """A circuit breaker: stops calling a dependency that fails."""

    name: str | Literal[False]
    """Policies that name the same breaker share its state."""

    window: WindowOptions
    """Which calls the rules look at."""

    failure_rate: float | Literal[False]
    """The share of failures that opens the circuit; for count and time windows. Default: 0.5 on count and time windows where no other rule is named."""

    failure_count: int | Literal[False]
    """So many failures in the window open the circuit; for count and time windows."""

    slow_call: SlowCallOptions | Duration | bool
    """Opens the circuit when calls succeed too slowly; for count and time windows."""

    minimum_calls: int
    """Rates decide nothing before so many calls; for count and time windows. Default: 20, at most the size of a count window."""

    open_for: OpenForOptions | Duration
    """How long the circuit stays open."""

    half_open: HalfOpenOptions | int
    """How the circuit finds out whether it may close."""

    initial_state: StateWord
    """The state it starts in. Default: closed."""

    count_throttled: bool
    """Whether a throttled call counts as a failure. Default: true."""

    from_server_hint: bool
    """Whether the time a server asks for sets the open time. Default: false."""

#: Whether streams are protected.
StreamWord = Literal["protect", "exempt"]

#: Who shares the state.
ScopeWord = Literal["process", "host"]

#: Values for a kind of environment, under everything that is written out.
PresetWord = Literal["development", "staging", "production", "busy"]


class PolicyOptions(TypedDict, total=False):
    """One policy."""

    name: str | Literal[False]
    """Its name: `[policy.NAME]` of the file and `SEAWALL_NAME_…` of the environment speak of it."""

    preset: PresetWord | Literal[False]
    """Values under everything that is written out."""

    enabled: bool
    """Whether it protects anything; off, it is a plain call. Default: true."""

    scope: ScopeWord
    """Who shares the state. Default: process."""

    revision: int
    """In host scope: where processes differ in their settings, those with the higher number are in force. Default: 0."""

    host_required: bool | Literal[False]
    """In host scope: whether calls are refused (`host_unavailable`), rather than protected by this process alone, while the segment cannot be had. Default: true where the policy has a cost budget, which each process would spend once more."""

    max_keys: int
    """How many keys are kept, where calls are partitioned by key. Default: 1024."""

    stream: StreamWord
    """Whether streams are protected. Default: protect."""

    breaker: BreakerOptions | bool
    """Stops calling a dependency that fails."""

    retry: RetryOptions | int | bool
    """Calls again after a failure."""

    bulkhead: BulkheadOptions | int | bool
    """A bound on calls under way at once."""

    timeout: TimeoutOptions | Duration | bool
    """Limits on time."""

    fallback: FallbackOptions | Sequence[FallbackStepWord] | bool
    """What is answered when the call fails."""

    cache: CacheOptions | Duration | bool
    """Good results that are kept."""

    cost: Sequence[CostLimitsOptions | str] | CostLimitsOptions | str
    """Limits on named amounts; several, each with its name."""


class FileOptions(TypedDict, total=False):
    """A configuration file. Durations are text with a unit: `"250ms"`, `"30s"`, `"5m"`, `"1h"`."""

    policy: Mapping[str, PolicyOptions]
    """Policies by their name."""

    budget: Mapping[str, BudgetOptions]
    """Retry budgets that policies share by name."""

    cost: Mapping[str, SharedCostOptions]
    """Cost budgets that policies share by name."""

    operation: Mapping[str, Duration]
    """Attempt timeouts by kind of operation; `default` stands for every kind that is not named. Default: llm 60s, auth 5s, db 10s, http 15s, default 30s."""

    resource: Mapping[str, int]
    """Bulkhead limits by kind of resource; `default` stands for every kind that is not named. Default: llm 10, openfga 50, redis 100, db 20, default 25."""

    host: HostOptions | str | bool
    """The file that the processes of a host share, for policies in host scope."""
