// The driver: does what the core's steps say, and nothing else.
import { judgeError, judgeValue, type Classify, type Judged, type Outcome } from './classify.js';
import { enclosing, within } from './context.js';
import { dress } from './errors.js';
import { deliver } from './events.js';
import { OUTCOMES } from './generated/codes.js';
import { gate, type Link, type NativeCall, type NativePolicy, type NativeRegistry, type Step, type Verdict } from './native.js';
import type { Store } from './store.js';
import { isDeadline, rest, wake } from './wait.js';

/** What the protected function is given. */
export interface Attempt {
  /** Aborted when the attempt runs out of time or the caller gives up. Made when it is first read. */
  readonly signal: AbortSignal;
  /** Which attempt this is, from 1. */
  readonly attempt: number;
  /** Milliseconds left to this attempt; `undefined` without a limit. */
  readonly remainingMs: number | undefined;
  /** Says what this attempt really cost, by the amounts of the cost budget. */
  cost(actual: Readonly<Record<string, number>>): void;
  /** The first item of a stream is out: from here on there is no retry, no fallback and no limit. */
  commit(): void;
}

/** What one call knows and its policy cannot. */
export interface CallOptions {
  /** The caller gives up: the call ends at once and is not counted. */
  signal?: AbortSignal;
  /** Time left to the caller, in milliseconds. */
  deadlineMs?: number;
  /** Which last good result belongs to this call. */
  cacheKey?: string;
  /** What an attempt is expected to cost. */
  estimate?: Readonly<Record<string, number>>;
  /** Told how the call ended, beside its value or error. */
  onFinish?: (report: Report) => void;
}

/** How a call ended, and what it took. */
export interface Report {
  readonly verdict: Verdict;
  /** Of the last attempt; `undefined` if none was made. */
  readonly outcome: Outcome | undefined;
  readonly attempts: number;
  readonly elapsedMs: number;
  /** Why there was no further attempt. */
  readonly reason: string | undefined;
  /** The refusal, timeout or passed deadline behind the end. */
  readonly refusal: unknown;
  /** The link of the fallback chain that answered. */
  readonly link: number | undefined;
  /** How long the last queue might have lasted. */
  readonly queuedForMs: number | undefined;
  /** Whether the value went into the cache, and whether the key's value was removed. */
  readonly stored: boolean;
  readonly forgotten: boolean;
}

/** Called at its step, before anything else happens; what it throws is reported and changes nothing. */
export interface Hooks {
  onRetry?: (attempt: number, error: unknown, delayMs: number) => void;
  onTimeout?: (attempt: number, limitMs: number) => void;
  onFallback?: (kind: Link, error: unknown) => void;
  onSlow?: (attempt: number, tookMs: number) => void;
}

export interface Driven extends Hooks {
  readonly native: NativePolicy;
  readonly registry: NativeRegistry;
  readonly classify?: Classify;
  readonly store?: Store;
  readonly chain: readonly Link[];
  readonly value?: unknown;
  readonly run?: (error: unknown) => unknown;
}

/** The report of a call that succeeded without being stepped. */
const AT_ONCE: Report = {
  verdict: 'settle', outcome: 'success', attempts: 1, elapsedMs: 0, reason: undefined, refusal: undefined,
  link: undefined, queuedForMs: undefined, stored: false, forgotten: false,
};

type Work<T> = (attempt: Attempt) => T | PromiseLike<T>;
type Settled = { readonly value: unknown } | { readonly error: unknown };

class Running implements Attempt {
  #controller: AbortController | undefined;
  #over: unknown;
  actual: string | undefined;
  committed = false;
  onCommit: (() => void) | undefined;
  constructor(readonly attempt: number, readonly caller: AbortSignal | undefined, readonly left: () => number | null) {}

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#over !== undefined) this.#controller.abort(this.#over);
    }
    return this.#controller.signal;
  }
  get remainingMs(): number | undefined {
    const left = this.left();
    return left === null ? undefined : left / 1e6;
  }
  cost(actual: Readonly<Record<string, number>>): void {
    this.actual = JSON.stringify(actual);
  }
  commit(): void {
    this.committed = true;
    this.onCommit?.();
  }
  stop(reason: unknown): void {
    this.#over = reason;
    this.#controller?.abort(reason);
  }
}

export async function drive<T>(policy: Driven, work: Work<T>, options: CallOptions): Promise<T> {
  options.signal?.throwIfAborted();
  const limit = least(options.deadlineMs === undefined ? null : options.deadlineMs * 1e6, enclosing(policy.registry));
  const plain = options.cacheKey === undefined && options.estimate === undefined && limit === null && options.signal === undefined;
  const pass = gate && plain ? policy.native.pass() : null;
  if (pass !== null) {
    const running = new Running(1, undefined, () => null);
    const settled = await settle(work, running);
    const judged = judge(policy, settled);
    if (judged.outcome === 'success') {
      policy.native.succeed(pass);
      options.onFinish?.(AT_ONCE);
      return (settled as { value: T }).value;
    }
    const call = policy.native.callAfterPass(pass);
    if (running.committed) call.commit();
    return new Driver<T>(policy, call, work, options).finish(settled, judged, 1);
  }
  const estimate = options.estimate === undefined ? null : JSON.stringify(options.estimate);
  const call = policy.native.call(limit, options.cacheKey !== undefined && policy.store !== undefined, estimate);
  return new Driver<T>(policy, call, work, options).begin();
}

class Driver<T> {
  #last: Settled | undefined;
  #found: unknown;
  #link: number | undefined;
  #queued: number | undefined;
  constructor(
    readonly policy: Driven,
    readonly call: NativeCall,
    readonly work: Work<T>,
    readonly options: CallOptions,
  ) {}

  begin(): Promise<T> {
    return this.#follow(this.call.start());
  }

  /** Goes on after a first attempt that ran under a pass. */
  finish(settled: Settled, judged: Judged, attempt: number): Promise<T> {
    this.#last = settled;
    return this.#follow(this.#report(settled, judged, attempt));
  }

  async #follow(step: Step): Promise<T> {
    for (;;) {
      wake(step.wakes);
      deliver();
      switch (step.kind) {
        case 'run':
          step = await this.#attempt(step.attempt ?? 1, step.span);
          break;
        case 'wait': {
          const error = this.#last !== undefined && 'error' in this.#last ? this.#last.error : undefined;
          this.#hook(() => this.policy.onRetry?.(step.attempt ?? 0, error, (step.span ?? 0) / 1e6));
          step = this.#woken(await rest(this.policy.registry, step.span, this.options.signal));
          break;
        }
        case 'queue': {
          const ticket = step.ticket ?? 0;
          this.#queued = step.span;
          const resting = rest(this.policy.registry, step.span, this.options.signal, ticket);
          // Once more after the ticket can be woken: the permit may have come before.
          const again = this.call.woke();
          if (again.kind !== 'queue') wake([ticket]);
          const how = await resting;
          step = again.kind !== 'queue' ? again : this.#woken(how);
          break;
        }
        case 'look_up': {
          const key = this.options.cacheKey;
          const kept = key === undefined ? undefined : this.policy.store?.find(key, step.stale === true);
          this.#found = kept?.value;
          step = this.call.lookedUp(kept !== undefined);
          break;
        }
        case 'fall_back':
          this.#link = step.index;
          step = await this.#fallBack(step.link ?? 'empty', step.span);
          break;
        case 'finish':
          if (this.options.onFinish !== undefined) this.#hook(() => this.options.onFinish?.(this.#shown(step.verdict ?? 'settle')));
          return this.#end(step);
      }
    }
  }

  #woken(how: 'woke' | 'aborted'): Step {
    if (how === 'woke') return this.call.woke();
    return this.call.cancelled(this.options.signal !== undefined && isDeadline(this.options.signal));
  }

  async #attempt(number: number, limit: number | undefined): Promise<Step> {
    const running = new Running(number, this.options.signal, () => this.call.remaining);
    running.onCommit = () => this.call.commit();
    const working = within(this.policy.registry, limit, () => settle(this.work, running));
    const caller = this.options.signal;
    const timed = limit !== undefined && !this.policy.registry.isManual;
    let settled: Settled | 'expired' | 'aborted';
    if (timed || caller !== undefined) settled = await race(working, timed ? limit : undefined, caller, running);
    else settled = await working;
    if (settled === 'aborted') {
      running.stop(caller?.reason);
      return this.call.cancelled(caller !== undefined && isDeadline(caller));
    }
    if (settled === 'expired') {
      const step = this.call.expire(number);
      this.#hook(() => this.policy.onTimeout?.(number, (limit ?? 0) / 1e6));
      running.stop(this.#refusal());
      this.#last = undefined;
      return step;
    }
    if (running.actual !== undefined) this.call.settleCost(running.actual);
    this.#last = settled;
    return this.#report(settled, judge(this.policy, settled), number);
  }

  #report(settled: Settled, judged: Judged, number: number): Step {
    if ('error' in settled && settled.error instanceof Error) this.call.errorType(settled.error.name);
    const hint = judged.retryAfterMs === undefined ? null : judged.retryAfterMs * 1e6;
    const step = this.call.done(number, OUTCOMES[judged.outcome], hint);
    const slow = this.call.slow;
    if (slow !== null) this.#hook(() => this.policy.onSlow?.(number, slow / 1e6));
    const key = this.options.cacheKey;
    if (key !== undefined && this.call.shouldStore && 'value' in settled) this.policy.store?.keep(key, settled.value);
    if (key !== undefined && this.call.shouldForget) this.policy.store?.forget(key);
    return step;
  }

  async #fallBack(link: Link, limit: number | undefined): Promise<Step> {
    const error = this.#error();
    try {
      this.#found = link === 'function' ? await this.#function(error, limit) : answerOf(this.policy, link);
    } catch {
      return this.call.fellBack(false);
    }
    this.#hook(() => this.policy.onFallback?.(link, error));
    return this.call.fellBack(true);
  }

  async #function(error: unknown, limit: number | undefined): Promise<unknown> {
    const run = this.policy.run;
    if (run === undefined) throw error;
    const working = settle(() => run(error), new Running(0, this.options.signal, () => null));
    const timed = this.policy.registry.isManual ? undefined : limit;
    const settled = timed === undefined ? await working : await race(working, timed, this.options.signal);
    if (typeof settled === 'string') throw error;
    if ('error' in settled) throw settled.error;
    return settled.value;
  }

  #end(step: Step): T {
    switch (step.verdict) {
      case 'cached':
      case 'stale':
      case 'fell_back':
        return this.#found as T;
      case 'cancelled':
        throw this.options.signal?.aborted ? this.options.signal.reason : this.#error();
      case 'settle':
        if (this.#last !== undefined && 'value' in this.#last) return this.#last.value as T;
        throw this.#error();
      default:
        throw this.#refusal();
    }
  }

  #shown(verdict: Verdict): Report {
    const { call } = this;
    const ms = (ns: number | undefined) => (ns === undefined ? undefined : ns / 1e6);
    return {
      verdict,
      outcome: (call.lastOutcome ?? undefined) as Outcome | undefined,
      attempts: call.attempts,
      elapsedMs: call.elapsed / 1e6,
      reason: call.reason ?? undefined,
      refusal: call.refusal === null ? undefined : dress(call.refusal, this.policy.native.name),
      link: verdict === 'fell_back' ? this.#link : undefined,
      queuedForMs: ms(this.#queued),
      stored: call.shouldStore,
      forgotten: call.shouldForget,
    };
  }

  /** What the call would throw now: the user's own error first. */
  #error(): unknown {
    if (this.#last !== undefined && 'error' in this.#last) return this.#last.error;
    return this.#refusal();
  }

  #refusal(): unknown {
    const json = this.call.refusal;
    const cause = this.#last !== undefined && 'error' in this.#last ? this.#last.error : undefined;
    return json === null ? cause : dress(json, this.policy.native.name, cause);
  }

  /** A hook that throws is reported and changes no outcome. */
  #hook(hook: () => void): void {
    try {
      hook();
    } catch (error) {
      this.policy.registry.internal(`a hook threw: ${String(error)}`);
    }
  }
}

function answerOf(policy: Driven, link: Link): unknown {
  if (link === 'value') return policy.value;
  if (link === 'fail_open') return true;
  return link === 'fail_closed' ? false : undefined;
}

async function settle<T>(work: Work<T>, running: Running): Promise<Settled> {
  try {
    return { value: await work(running) };
  } catch (error) {
    return { error };
  }
}

function judge(policy: Driven, settled: Settled): Judged {
  const isError = 'error' in settled;
  let own: Outcome | Judged | undefined;
  try {
    own = policy.classify?.(isError ? settled.error : undefined, isError ? undefined : settled.value);
  } catch (error) {
    policy.registry.internal(`a classifier threw: ${String(error)}`);
  }
  if (typeof own === 'string') return { outcome: own };
  return own ?? (isError ? judgeError(settled.error) : judgeValue(settled.value));
}

/** The work, or what ends it earlier. */
function race(working: Promise<Settled>, limit: number | undefined, caller: AbortSignal | undefined, running?: Running) {
  return new Promise<Settled | 'expired' | 'aborted'>((resolve) => {
    let timer: NodeJS.Timeout | undefined;
    const end = (how: Settled | 'expired' | 'aborted') => {
      if (timer !== undefined) clearTimeout(timer);
      caller?.removeEventListener('abort', onAbort);
      resolve(how);
    };
    const onAbort = () => end('aborted');
    if (caller?.aborted) return end('aborted');
    caller?.addEventListener('abort', onAbort, { once: true });
    if (limit !== undefined) timer = setTimeout(() => end('expired'), Math.min(Math.ceil(limit / 1e6), 2 ** 31 - 1));
    const commit = running?.onCommit;
    if (running !== undefined && commit !== undefined) {
      running.onCommit = () => {
        clearTimeout(timer);
        commit();
      };
    }
    void working.then(end);
  });
}

function least(a: number | null, b: number | null): number | null {
  if (a === null) return b;
  return b === null ? a : Math.min(a, b);
}
