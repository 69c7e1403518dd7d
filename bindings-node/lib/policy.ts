import type { Attempt } from './attempt.js';
import type { Judging, Outcome } from './classify.js';
import { amount, amounts, callable, checked, hint, known, outcomeNumber, shown, text, written } from './checks.js';
import { configuring, dressed, MisuseError, type SeawallError } from './errors.js';
import { deliver, listen, type SeawallEvent } from './events.js';
import { execute, Gate } from './gate.js';
import { Keys, type Kept } from './keys.js';
import type { PolicyOptions } from './generated/config.js';
import type { NativePolicy, NativeRegistry } from './native.js';
import { Driven, type CallOptions, type Hooks, type Work } from './options.js';
import { BreakerPermit, BulkheadPermit, Ticket } from './permits.js';
import { registry } from './registry.js';
import { Shape, type FallbackSettings } from './shape.js';
import { keyOf } from './store.js';
import { streamed } from './stream.js';
import { wake } from './wait.js';

/** A policy in code: the options of a file, and what only code can give. */
export type PolicySettings = Omit<PolicyOptions, 'fallback'> & Hooks & Judging & { fallback?: FallbackSettings };

/** The answer of a retry schedule. */
export type Next = { readonly delayMs: number } | { readonly stop: string };

/** A composed policy. Make one, share it; it may be used from anywhere. */
export class Policy {
  readonly #driven: Driven;
  #keys: Keys<Policy> | undefined;

  /** Policies are made with `policy`. */
  constructor(driven: Driven) {
    if (!(driven instanceof Driven)) throw new MisuseError('UNKNOWN_VALUE', 'make a policy with `policy({ … })`');
    this.#driven = driven;
  }

  get name(): string | undefined {
    return this.#driven.name ?? undefined;
  }

  /** Runs `work` under the policy. Its value comes out, or its own error, or one of Seawall's. */
  execute<T>(work: Work<T>, options?: CallOptions): Promise<T> {
    if (typeof work !== 'function') return new Promise(() => callable(work, 'execute'));
    return execute(this.#driven, work, options);
  }

  /** The function under the policy, with its own arguments. */
  wrap<A extends unknown[], R>(work: (...args: A) => R | PromiseLike<R>): (...args: A) => Promise<R> {
    callable(work, 'wrap');
    const driven = this.#driven;
    return function (this: unknown, ...args: A): Promise<R> {
      const call: Work<R> = () => work.apply(this, args);
      if (driven.run !== undefined) call.args = args;
      return execute<R>(driven, call, undefined);
    };
  }

  /**
   * A stream under the policy: one attempt from the first item asked for to its end. It is retried
   * only before the first item; leaving it early is no failure.
   */
  stream<T>(source: (attempt: Attempt) => AsyncIterable<T>, options: CallOptions = {}): AsyncGenerator<T, void, undefined> {
    callable(source, 'stream');
    return streamed(this.#driven, source, options);
  }

  /** The same policy for one key (a model, a tenant, a host), with a state of its own. */
  at(key: string): Policy {
    text(key, 'a key');
    return (this.#keys ??= new Keys((key) => this.#view(key))).find(key, this.#driven.shape.current().maxKeys);
  }
  #view(key: string): Kept<Policy> {
    const native = this.#driven.native.at(key);
    const gate = new Gate(native);
    // A parked view that somebody still holds works on, and looks for its key with each call.
    const park = () => {
      native.park();
      gate.park();
    };
    return { view: new Policy(this.#driven.at(native, gate, key)), park, lacksRoom: native.lacksRoom, used: false };
  }

  /** State of the circuit, a due transition applied; `undefined` without a breaker. */
  get state(): string | undefined {
    return this.#driven.native.state ?? undefined;
  }

  /** Everything that is counted, as plain data. */
  snapshot(): Record<string, any> {
    return JSON.parse(this.#driven.native.snapshot()) as Record<string, any>;
  }

  /** The settings in force. */
  config(): Record<string, any> {
    return JSON.parse(this.#driven.native.config()) as Record<string, any>;
  }

  // ---- the breaker by hand ----

  /** A permit, or the rejection as an error. Report how it went, or let `using` give it back. */
  acquire(): BreakerPermit {
    const { native, registry } = this.#driven;
    const taken = native.acquire();
    if (taken.permit === undefined) throw dressed(taken.refusal ?? '{}', native.name);
    return new BreakerPermit(native, registry, taken.permit, registry.now());
  }

  /** A permit, or `undefined` where the circuit is open. */
  tryAcquire(): BreakerPermit | undefined {
    const { native, registry } = this.#driven;
    const taken = native.acquire();
    return taken.permit === undefined ? undefined : new BreakerPermit(native, registry, taken.permit, registry.now());
  }

  open(forMs?: number): void {
    this.#control(forMs === undefined ? 'open' : 'open_for', amount(forMs ?? 0, 'the open time in milliseconds') * 1e6);
  }
  /** Open until an instant of the monotonic clock, in milliseconds. */
  openUntil(atMs: number): void {
    this.#control('open_until', amount(atMs, 'the instant in milliseconds') * 1e6);
  }
  halfOpen(): void {
    this.#control('half_open');
  }
  close(): void {
    this.#control('close');
  }
  forceOpen(): void {
    this.#control('force_open');
  }
  disable(): void {
    this.#control('disable');
  }
  metricsOnly(): void {
    this.#control('metrics_only');
  }
  reset(): void {
    this.#control('reset');
  }
  #control(to: string, amount = 0): void {
    if (!this.#driven.native.control(to, amount)) throw this.#lacks('breaker');
    deliver();
  }

  // ---- the bulkhead by hand ----

  /** Inside, in the queue, or the refusal as an error. `maxWaitMs` replaces the configured wait. */
  enter(options: { maxWaitMs?: number } = {}): BulkheadPermit | Ticket {
    const { native, registry } = this.#driven;
    const { maxWaitMs } = known(options, ['maxWaitMs'], 'enter');
    const wait = maxWaitMs === undefined ? undefined : amount(maxWaitMs, 'maxWaitMs');
    const taken = native.enter(wait === undefined ? null : wait === Infinity ? -1 : wait * 1e6);
    if (taken.permit !== undefined) return new BulkheadPermit(native, taken.permit);
    if (taken.ticket !== undefined) return new Ticket(native, registry, taken.ticket);
    throw dressed(taken.refusal ?? '{}', native.name);
  }

  /** Changes the limit. Returns the tickets that this let in. */
  resize(limit: number): number[] {
    const woken = this.#driven.native.resize(amount(limit, 'the limit'));
    if (woken === null) throw this.#lacks('bulkhead');
    wake(woken);
    return woken;
  }

  // ---- the retry schedule and the budgets by hand ----

  /** The waits that a call's retries would have, for those who wait themselves. */
  schedule(): { next(outcome?: Outcome, options?: { retryAfterMs?: number; elapsedMs?: number }): Next } {
    const schedule = this.#driven.native.schedule();
    if (schedule === null) throw this.#lacks('retry');
    return {
      next(outcome = 'failure', options = {}) {
        const { retryAfterMs, elapsedMs } = known(options, ['retryAfterMs', 'elapsedMs'], 'next');
        const after = retryAfterMs === undefined ? null : hint(retryAfterMs, 'retryAfterMs') * 1e6;
        const elapsed = elapsedMs === undefined ? null : amount(elapsedMs, 'elapsedMs') * 1e6;
        const next = schedule.next(outcomeNumber(outcome), after, elapsed);
        return next.stop === undefined ? { delayMs: (next.delay ?? 0) / 1e6 } : { stop: next.stop };
      },
    };
  }

  /** The retry budget: begin and end of calls, and what retries are paid with. */
  get budget() {
    const { native } = this.#driven;
    if (!native.hasBudget) throw this.#lacks('retry.budget');
    return {
      begin: () => native.budgetBegin(),
      end: () => native.budgetEnd(),
      /** The cost, once paid; `undefined` if the budget denies the retry. */
      withdraw: (outcome: Outcome = 'failure') => native.budgetWithdraw(outcomeNumber(outcome)) ?? undefined,
      retryEnd: (cost: number) => native.budgetRetryEnd(cost),
      success: (lastCost?: number) => native.budgetSuccess(lastCost ?? null),
    };
  }

  /** Reserves of the cost budget: settle it with what it really cost, or give it back. */
  reserve(estimate: Readonly<Record<string, number>>) {
    const held = this.#driven.native.reserve(amounts(estimate));
    if (held.refusal !== null) throw dressed(held.refusal, this.#driven.name);
    return {
      settle: (actual: Readonly<Record<string, number>>) => held.settle(amounts(actual)),
      giveBack: () => held.giveBack(),
    };
  }

  /** Calls `listener` for each event of this policy; dispose to end. */
  listen(listener: (event: SeawallEvent) => void): Disposable {
    callable(listener, 'listen');
    const id = this.#driven.native.id;
    return listen((event) => void (event.policy_id === id && listener(event)), this.#driven.registry);
  }
  onOpen(listener: (event: SeawallEvent) => void): Disposable {
    callable(listener, 'onOpen');
    return this.listen((event) => void (event.kind === 'opened' && listener(event)));
  }
  onClose(listener: (event: SeawallEvent) => void): Disposable {
    callable(listener, 'onClose');
    return this.listen((event) => void (event.kind === 'closed' && listener(event)));
  }

  /** Stores a last good result, as a success with this key `ageMs` ago would have. */
  remember(cacheKey: string, value: unknown, ageMs = 0): void {
    const { shape, key } = this.#driven;
    shape.current().store?.keep(keyOf(key, cacheKey), value, ageMs * 1e6);
  }

  #lacks(part: string): SeawallError {
    const { native, name } = this.#driven;
    return dressed(native.lacks(part), name);
  }
}

/** A policy by the name it has in the configuration, or from settings in code. */
export function policy(from: string | PolicySettings, more: Hooks & Judging = {}): Policy {
  const into = registry();
  if (typeof from === 'string') return make(configuring(() => into.named(from)), into, checked(more));
  if (typeof from !== 'object' || from === null) throw new MisuseError('UNKNOWN_VALUE', `policy needs a name or settings, not ${shown(from)}`);
  checked(from);
  const { fallback, classify, include, exclude, onRetry, onTimeout, onFallback, onSlow, ...options } = from;
  const json = written(fallback === undefined ? options : { ...options, fallback: plain(fallback) });
  const native = configuring(() => into.policy(json, 'code'));
  return make(native, into, { ...more, classify, include, exclude, onRetry, onTimeout, onFallback, onSlow }, fallback);
}

const NO_FALLBACK: FallbackSettings = {};

function make(native: NativePolicy, into: NativeRegistry, more: Hooks & Judging, fallback: FallbackSettings = NO_FALLBACK): Policy {
  const shape = new Shape(native, into, fallback).current();
  return new Policy(new Driven(native, new Gate(native), into, shape, native.name, more, fallback.run));
}

/** What of a fallback the core must know: the order of its links, never a value of the host. */
function plain(fallback: FallbackSettings): object {
  const { value: _value, run, ...rest } = fallback;
  if (rest.chain !== undefined) return rest;
  return { ...rest, chain: [...(run ? ['function'] : []), ...('value' in fallback ? ['value'] : [])] };
}

/**
 * Policies nested as written, outermost first; each keeps its own meaning. The time left and the
 * end of an outer one reach the inner ones, cache key and estimate are given to each.
 */
export function compose(...policies: [Policy, ...Policy[]]): Pick<Policy, 'execute' | 'wrap'> {
  if (policies.length === 0) throw new MisuseError('UNKNOWN_VALUE', 'compose needs at least one policy');
  for (const each of policies as unknown[]) callable((each as Policy | undefined)?.execute, 'compose, in the place of a policy,');
  const nested = <T>(work: Work<T>, options: CallOptions = {}): Promise<T> => {
    const { cacheKey, estimate } = options;
    const own = cacheKey === undefined && estimate === undefined ? undefined : { cacheKey, estimate };
    const inner = policies.slice(1).reduceRight<Work<T>>((next, policy) => () => policy.execute(next, own), work);
    return policies[0].execute(inner, options);
  };
  return {
    execute: nested,
    wrap: (work) => {
      callable(work, 'wrap');
      return function (this: unknown, ...args) {
        return nested(() => work.apply(this, args));
      };
    },
  };
}
