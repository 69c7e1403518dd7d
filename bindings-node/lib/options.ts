// What a call is given, what is said of it, and what its policy is made of.
import type { Attempt } from './attempt.js';
import type { Judging, Outcome } from './classify.js';
import type { Gate } from './gate.js';
import type { Link, NativePolicy, NativeRegistry, Verdict } from './native.js';
import type { Shape } from './shape.js';

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

/** A policy, or the view of it for one key. All have the same shape: what reads it reads one. */
export class Driven implements Hooks, Judging {
  readonly classify;
  readonly include;
  readonly exclude;
  readonly onRetry;
  readonly onTimeout;
  readonly onFallback;
  readonly onSlow;

  constructor(
    readonly native: NativePolicy,
    readonly gate: Gate,
    readonly registry: NativeRegistry,
    readonly shape: Shape,
    readonly name: string | null = null,
    more: Hooks & Judging = {},
    readonly run: ((error: unknown, ...args: any[]) => unknown) | undefined = undefined,
    /** What it is the view for. */
    readonly key: string | undefined = undefined,
  ) {
    this.classify = more.classify;
    this.include = more.include;
    this.exclude = more.exclude;
    this.onRetry = more.onRetry;
    this.onTimeout = more.onTimeout;
    this.onFallback = more.onFallback;
    this.onSlow = more.onSlow;
  }

  at(native: NativePolicy, gate: Gate, key: string): Driven {
    return new Driven(native, gate, this.registry, this.shape, this.name, this, this.run, key);
  }
}

export type Work<T> = ((attempt: Attempt) => T | PromiseLike<T>) & { /** @internal Of a wrapped function, for its fallback. */ args?: readonly unknown[] };
