// Generated from core/src/config/schema; do not edit. Make it anew with: cargo xtask gen

/** A length of time with its unit: `'250ms'`, `'30s'`. */
export type Duration = `${number}${'ns' | 'us' | 'ms' | 's' | 'm' | 'h'}`;

/** A configuration file. Durations are text with a unit: `"250ms"`, `"30s"`, `"5m"`, `"1h"`. */
export interface FileOptions {
  /** Policies by their name. */
  policy?: Readonly<Record<string, PolicyOptions>>;
  /** Retry budgets that policies share by name. */
  budget?: Readonly<Record<string, BudgetOptions>>;
  /** Cost budgets that policies share by name. */
  cost?: Readonly<Record<string, SharedCostOptions>>;
  /** Attempt timeouts by kind of operation; `default` stands for every kind that is not named. Default: llm 60s, auth 5s, db 10s, http 15s, default 30s. */
  operation?: Readonly<Record<string, Duration>>;
  /** Bulkhead limits by kind of resource; `default` stands for every kind that is not named. Default: llm 10, openfga 50, redis 100, db 20, default 25. */
  resource?: Readonly<Record<string, number>>;
  /** The file that the processes of a host share, for policies in host scope. */
  host?: HostOptions | string;
}

/** One policy. */
export interface PolicyOptions {
  /** Its name: `[policy.NAME]` of the file and `SEAWALL_NAME_…` of the environment speak of it. */
  name?: string | false;
  /** Values under everything that is written out. */
  preset?: PresetWord | false;
  /** Whether it protects anything; off, it is a plain call. Default: true. */
  enabled?: boolean;
  /** Who shares the state. Default: process. */
  scope?: ScopeWord;
  /** In host scope: where processes differ in their settings, those with the higher number are in force. Default: 0. */
  revision?: number;
  /** In host scope: whether calls are refused (`host_unavailable`), rather than protected by this process alone, while the segment cannot be had. Default: true where the policy has a cost budget, which each process would spend once more. */
  host_required?: boolean | false;
  /** How many keys are kept, where calls are partitioned by key. Default: 1024. */
  max_keys?: number;
  /** Whether streams are protected. Default: protect. */
  stream?: StreamWord;
  /** Stops calling a dependency that fails. */
  breaker?: BreakerOptions | boolean;
  /** Calls again after a failure. */
  retry?: RetryOptions | number | boolean;
  /** A bound on calls under way at once. */
  bulkhead?: BulkheadOptions | number | boolean;
  /** Limits on time. */
  timeout?: TimeoutOptions | Duration | boolean;
  /** What is answered when the call fails. */
  fallback?: FallbackOptions | readonly FallbackStepWord[] | boolean;
  /** Good results that are kept. */
  cache?: CacheOptions | Duration | boolean;
  /** Limits on named amounts; several, each with its name. */
  cost?: readonly (CostLimitsOptions | string)[] | CostLimitsOptions | string;
}

/** Values for a kind of environment, under everything that is written out. */
export type PresetWord = 'development' | 'staging' | 'production' | 'busy';

/** Who shares the state. */
export type ScopeWord = 'process' | 'host';

/** Whether streams are protected. */
export type StreamWord = 'protect' | 'exempt';

/** A circuit breaker: stops calling a dependency that fails. */
export interface BreakerOptions {
  /** Policies that name the same breaker share its state. */
  name?: string | false;
  /** Which calls the rules look at. */
  window?: WindowOptions;
  /** The share of failures that opens the circuit; for count and time windows. Default: 0.5 on count and time windows where no other rule is named. */
  failure_rate?: number | false;
  /** So many failures in the window open the circuit; for count and time windows. */
  failure_count?: number | false;
  /** Opens the circuit when calls succeed too slowly; for count and time windows. */
  slow_call?: SlowCallOptions | Duration | boolean;
  /** Rates decide nothing before so many calls; for count and time windows. Default: 20, at most the size of a count window. */
  minimum_calls?: number;
  /** How long the circuit stays open. */
  open_for?: OpenForOptions | Duration;
  /** How the circuit finds out whether it may close. */
  half_open?: HalfOpenOptions | number;
  /** The state it starts in. Default: closed. */
  initial_state?: StateWord;
  /** Whether a throttled call counts as a failure. Default: true. */
  count_throttled?: boolean;
  /** Whether the time a server asks for sets the open time. Default: false. */
  from_server_hint?: boolean;
}

/** So many failures in a row open the circuit. */
export interface ConsecutiveWindowOptions {
  kind?: 'consecutive';
  /** Failures in a row that open the circuit. Default: 5. */
  failures?: number;
}

/** The last calls decide. */
export interface CountWindowOptions {
  kind: 'count';
  /** How many calls are looked back on. Default: 100. */
  size?: number;
}

/** The calls of the last moments decide. */
export interface TimeWindowOptions {
  kind: 'time';
  /** How far is looked back. Default: 30s. */
  span?: Duration;
  /** Into how many slices the span is cut; the oldest is forgotten whole. Default: 10. */
  slices?: number;
  /** Whether slices begin at multiples of their length, and not with the first call. Default: false. */
  aligned?: boolean;
}

/** Which calls the rules of a breaker look at. */
export type WindowOptions =
  | ConsecutiveWindowOptions
  | CountWindowOptions
  | TimeWindowOptions
  | 'consecutive'
  | 'count'
  | 'time';

/** A rule on calls that succeed too slowly. */
export interface SlowCallOptions {
  /** A success that took strictly longer is slow. */
  longer_than?: Duration;
  /** The share of slow calls that opens the circuit. Default: 1.0. */
  rate?: number;
}

/** How long the circuit stays open: base × factor^(re-openings since it was last closed), capped. */
export interface OpenForOptions {
  /** The first open time. Default: 30s. */
  base?: Duration;
  /** What each re-opening multiplies it by. Default: 1.0. */
  factor?: number;
  /** The longest open time. Default: 5m, or base where that is longer. */
  cap?: Duration;
  /** The share of the open time that chance may add or take away. Default: 0. */
  jitter?: number;
}

/** How a circuit finds out whether it may close. */
export interface HalfOpenOptions {
  /** How many probes are let through. Default: of where it is given, else 1. */
  permits?: number | false;
  /** Whether `permits` counts all probes until the verdict or those under way at once. Default: total. */
  mode?: ProbeModeWord;
  /** How many successes close the circuit. */
  successes?: number | false;
  /** Out of how many results. Default: successes, where that is given. */
  of?: number | false;
  /** How long the circuit waits half-open for a verdict. */
  max_wait?: Duration | false;
  /** Where it goes when `max_wait` ends. Default: open. */
  on_max_wait?: OnMaxWaitWord;
  /** How long a probe may take before its permit is given to another. Default: the longest of 30s, slow_call.longer_than and the attempt timeout. */
  lease?: Duration | false;
}

/** How probes are counted. */
export type ProbeModeWord = 'total' | 'concurrent';

/** Where a half-open circuit goes when `max_wait` ends without a verdict. */
export type OnMaxWaitWord = 'open' | 'closed';

/** What a circuit is doing. */
export type StateWord = 'closed' | 'open' | 'half_open' | 'forced_open' | 'disabled' | 'metrics_only';

/** Calls again after a failure. */
export interface RetryOptions {
  /** How often the function is called at most; the first call counts. Default: 3. */
  attempts?: number;
  /** The delay before the next retry. */
  backoff?: BackoffOptions;
  /** What chance does to the delay. Default: full; none on uniform delays. */
  jitter?: JitterOptions | boolean;
  /** No retry begins later than this after the first attempt. */
  max_elapsed?: Duration | false;
  /** What is done with the time a server asks for. Default: exact. */
  server_hint?: ServerHintWord;
  /** A server that asks for more than this is not called again. Default: 60s. */
  hint_cap?: Duration;
  /** Whether the refusal of a nested policy is retried, after its `retry_after`. Default: false. */
  retry_refused?: boolean;
  /** Delays of its own for a class of outcome. */
  by_outcome?: ByOutcomeOptions;
  /** A limit on retries; bare text names a budget of the `[budget]` table. */
  budget?: BudgetOptions | boolean;
}

/** base × factor^(retry − 1). */
export interface ExponentialBackoffOptions {
  kind?: 'exponential';
  /** The delay before the first retry. Default: 100ms. */
  base?: Duration;
  /** What each further retry multiplies it by. Default: 2. */
  factor?: number;
  /** The longest delay. Default: 20s, or base where that is longer. */
  cap?: Duration | false;
}

/** base × retry. */
export interface LinearBackoffOptions {
  kind: 'linear';
  /** The delay before the first retry, and what each further retry adds. Default: 100ms. */
  base?: Duration;
  /** The longest delay. Default: 20s, or base where that is longer. */
  cap?: Duration | false;
}

/** The same delay each time. */
export interface FixedBackoffOptions {
  kind: 'fixed';
  /** The delay. Default: 100ms. */
  base?: Duration;
  /** The longest delay, jitter included. Default: none. */
  cap?: Duration | false;
}

/** Delays one by one; the last repeats. */
export interface ListBackoffOptions {
  kind: 'list';
  /** The delays in their order. */
  delays?: readonly Duration[];
  /** The longest delay, jitter included. Default: none. */
  cap?: Duration | false;
}

/** By chance between two ends; no jitter on top. */
export interface UniformBackoffOptions {
  kind: 'uniform';
  /** The shortest delay. */
  min?: Duration;
  /** The longest delay. */
  max?: Duration;
}

/** The delay before the next retry, before chance changes it. */
export type BackoffOptions =
  | ExponentialBackoffOptions
  | LinearBackoffOptions
  | FixedBackoffOptions
  | ListBackoffOptions
  | UniformBackoffOptions
  | 'exponential'
  | 'linear'
  | 'fixed'
  | 'list'
  | 'uniform'
  | readonly Duration[];

/** Anything from nothing to the whole delay. */
export interface FullJitterOptions {
  kind?: 'full';
}

/** Half of the delay, and anything up to the other half. */
export interface EqualJitterOptions {
  kind: 'equal';
}

/** The delay, plus or minus a share of it. */
export interface ProportionalJitterOptions {
  kind: 'proportional';
  /** The share. Default: 0.25. */
  factor?: number;
}

/** The delay, and up to a share of it on top. */
export interface AdditiveJitterOptions {
  kind: 'additive';
  /** The share. Default: 0.25. */
  factor?: number;
}

/** The delay, plus or minus a length of time. */
export interface AbsoluteJitterOptions {
  kind: 'absolute';
  /** The length of time. */
  span?: Duration;
}

/** Anything between base and three times the delay before. */
export interface DecorrelatedJitterOptions {
  kind: 'decorrelated';
}

/** Smooth exponential growth whose median is the base times two to the retry. */
export interface DecorrelatedV2JitterOptions {
  kind: 'decorrelated_v2';
}

/** The delay as it is. */
export interface NoJitterOptions {
  kind: 'none';
}

/** What chance does to a delay, so that callers do not come back all at once. */
export type JitterOptions =
  | FullJitterOptions
  | EqualJitterOptions
  | ProportionalJitterOptions
  | AdditiveJitterOptions
  | AbsoluteJitterOptions
  | DecorrelatedJitterOptions
  | DecorrelatedV2JitterOptions
  | NoJitterOptions
  | 'full'
  | 'equal'
  | 'proportional'
  | 'additive'
  | 'absolute'
  | 'decorrelated'
  | 'decorrelated_v2'
  | 'none';

/** What is done with the time a server asks for. */
export type ServerHintWord = 'exact' | 'clamp' | 'ignore';

/** Delays by the class of the outcome before the retry. */
export interface ByOutcomeOptions {
  /** After a failure. */
  failure?: OwnDelayOptions | boolean;
  /** After a timeout. */
  timeout?: OwnDelayOptions | boolean;
  /** After a throttled call. */
  throttled?: OwnDelayOptions | boolean;
}

/** Delays of its own for one class of outcome. */
export interface OwnDelayOptions {
  /** The delay before chance changes it. Default: the retry's own. */
  backoff?: BackoffOptions | boolean;
  /** What chance does to it. Default: the retry's own. */
  jitter?: JitterOptions | boolean;
}

/** A bucket of tokens: retries take, successes give back. */
export interface TokenBudgetOptions {
  kind?: 'tokens';
  /** Policies that give the same name share the budget. */
  name?: string | false;
  /** How many tokens the bucket holds; it starts full. Default: 500. */
  capacity?: number;
  /** What a retry costs. */
  costs?: TokenCostsOptions;
  /** What a call that succeeds at its first attempt gives back. Default: 1. */
  refund?: number;
}

/** Retries may be so large a share of the calls. */
export interface RatioBudgetOptions {
  kind: 'ratio';
  /** Policies that give the same name share the budget. */
  name?: string | false;
  /** Retries for each call. Default: 0.2. */
  share?: number;
  /** Retries that are always allowed. Default: 10. */
  floor_per_second?: number;
  /** How far is looked back. Default: 10s. */
  span?: Duration;
}

/** So large a share of the calls under way may be retries. */
export interface ConcurrentBudgetOptions {
  kind: 'concurrent';
  /** Policies that give the same name share the budget. */
  name?: string | false;
  /** Retries for each call under way. Default: 0.2. */
  share?: number;
  /** Retries at once that are always allowed. Default: 3. */
  floor?: number;
}

/** So many retries at once. */
export interface CapBudgetOptions {
  kind: 'cap';
  /** Policies that give the same name share the budget. */
  name?: string | false;
  /** Retries at once. */
  retries?: number;
}

/** A limit on retries, so that they cannot multiply the load on a dependency in trouble. */
export type BudgetOptions =
  | TokenBudgetOptions
  | RatioBudgetOptions
  | ConcurrentBudgetOptions
  | CapBudgetOptions
  | string;

/** What a retry costs, by the outcome it follows. */
export interface TokenCostsOptions {
  /** After a failure. Default: 14. */
  failure?: number;
  /** After a timeout. Default: 14. */
  timeout?: number;
  /** After a throttled call. Default: 5. */
  throttled?: number;
  /** An extra attempt beside a running one. Default: 14. */
  hedge?: number;
}

/** A bound on calls under way at once. */
export interface BulkheadOptions {
  /** Policies that name the same bulkhead share its permits. */
  name?: string | false;
  /** How many calls may be under way at once. Default: that of resource, else 25. */
  limit?: number | false;
  /** How many callers may wait for a permit. Default: 0, or unbounded where max_wait is given. */
  queue?: number | false;
  /** How long a caller may wait for a permit. */
  max_wait?: Duration | false;
  /** A kind of resource whose limit is looked up in the `[resource]` table. */
  resource?: string | false;
}

/** Limits on time. */
export interface TimeoutOptions {
  /** The name its metrics carry. */
  name?: string | false;
  /** The limit of each attempt. Default: that of operation, else none. */
  attempt?: Duration | false;
  /** The limit of the whole call, waits and retries included. */
  deadline?: Duration | false;
  /** How an attempt that runs out of time is ended. Default: the way of the language. */
  mode?: TimeoutModeWord | false;
  /** A call longer than this raises the event `slow`; nothing is cancelled. */
  slow_after?: Duration | false;
  /** The limit of the gaps between the items of a stream. */
  idle?: Duration | false;
  /** A kind of operation whose limit is looked up in the `[operation]` table. */
  operation?: string | false;
  /** A limit that follows the duration of past attempts. */
  adaptive?: AdaptiveOptions | boolean;
  /** A caller's own deadline that passes counts as a timeout if the attempt had run this long. Default: 1s. */
  caller_deadline_after?: Duration;
}

/** How an attempt that runs out of time is ended. */
export type TimeoutModeWord = 'cooperative' | 'abandon';

/** A limit that follows the duration of past attempts: quantile × factor, between `min` and the attempt timeout. */
export interface AdaptiveOptions {
  /** Which of the past durations is taken. Default: 0.95. */
  quantile?: number;
  /** What it is multiplied by. Default: 1.5. */
  factor?: number;
  /** The shortest limit. Default: 10ms. */
  min?: Duration;
  /** How far is looked back. Default: 5m. */
  span?: Duration;
  /** Below so many attempts the attempt timeout holds. Default: 20. */
  minimum_calls?: number;
}

/** What is answered when the call fails. */
export interface FallbackOptions {
  /** The answers that are tried, in their order. Default: value where a value is given. */
  chain?: readonly FallbackStepWord[];
  /** The answer of the step `value`. */
  value?: boolean | number | string;
  /** Which ends of a call it answers. Default: refused, timeout, failure, throttled. */
  on?: readonly FallbackOnWord[];
  /** The limit of a function's own time. Default: 1s. */
  timeout?: Duration;
}

/** One link of a fallback chain. */
export type FallbackStepWord = 'value' | 'function' | 'cached' | 'stale' | 'empty' | 'fail_open' | 'fail_closed';

/** Failures that a fallback answers. */
export type FallbackOnWord = 'refused' | 'timeout' | 'failure' | 'throttled' | 'any';

/** Good results that are kept. */
export interface CacheOptions {
  /** How long a result is fresh. Default: 5m. */
  ttl?: Duration;
  /** How long past that it may still be served, marked as stale. */
  stale_for?: Duration | false;
  /** How many results are kept. Default: 1024. */
  size?: number;
  /** Whether it is looked at before the call, and not only when the call fails. Default: false. */
  first?: boolean;
}

/** A limit on named amounts. */
export interface CostLimitsOptions {
  /** Policies that give the same name share the budget. */
  name?: string;
  /** The amounts and their limits, at most eight. */
  limits?: Readonly<Record<string, number>>;
  /** The budget fills up again at the start of each period. Default: never. */
  per?: Duration | false;
}

/** A cost budget that policies share; the table's name is its name. */
export interface SharedCostOptions {
  /** The amounts and their limits, at most eight. */
  limits?: Readonly<Record<string, number>>;
  /** The budget fills up again at the start of each period. Default: never. */
  per?: Duration | false;
}

/** The file that the processes of a host share. */
export interface HostOptions {
  /** Its name: who shares must name the same, in the same folder. Default: default. */
  name?: string | false;
  /** Its folder, which the user alone may enter (0700). Default: one of the user's own under /dev/shm. */
  dir?: string | false;
  /** Its size in bytes, where it has to be made. Default: 8388608. */
  size?: number;
  /** The number of a group whose members share it; the folder then belongs to the group (0770). */
  group?: number | false;
  /** Whether keys are written into it as text, for the `seawall` command to show, or only as hashes. Default: false. */
  show_keys?: boolean;
}
