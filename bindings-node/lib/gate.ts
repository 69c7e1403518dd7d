// The pass path. The gate of a policy is a word in the core's own memory: generation << 1 | pass.
// While it says pass a call runs at once and its success is one addition to this thread's tally;
// nothing crosses and nothing is decided here. Anything else is asked, or told.
import { Running } from './attempt.js';
import { ambient, enclosing } from './context.js';
import { Driver, How, isThenable, judge } from './drive.js';
import { circuitOpen } from './errors.js';
import { STATES } from './generated/codes.js';
import * as at from './hot.js';
import { gateIsOn, hot, mail } from './hot.js';
import type { NativePolicy } from './native.js';
import type { CallOptions, Driven, Report, Work } from './options.js';

/** A view that never passes. */
const SHUT = new Uint32Array(2);
/** What no gate of `SHUT` is. */
const NEVER = 1;

/** The report of a call that succeeded without being stepped. */
const AT_ONCE: Report = {
  verdict: 'settle', outcome: 'success', attempts: 1, elapsedMs: 0, reason: undefined, refusal: undefined,
  link: undefined, queuedForMs: undefined, stored: false, forgotten: false,
};

/** Where a policy's gate is, and the callbacks of the calls that pass it. */
export class Gate {
  view = SHUT;
  /** The gate that `succeeded` and `failed` were made for; another one is another generation. */
  seen = NEVER;
  succeeded: (value: any) => any = same;
  failed: (error: unknown) => any = same;
  readonly slot: number;
  /** A rejection was the last answer, so it may be the next. */
  refusing = false;
  private address = 0;
  private tally = 0;

  /** `again`: after a failure the function may be called again, so each call keeps its own. */
  constructor(native: NativePolicy, private readonly again: boolean) {
    this.slot = native.slot();
  }

  /** The gate of the same policy for a key. */
  at(native: NativePolicy): Gate {
    return new Gate(native, this.again);
  }

  /** A call had to ask, and found the gate at `address`. */
  moved(address: number): void {
    if (address === this.address || this.again || !gateIsOn) return;
    this.address = address;
    const buffer = hot.view(this.slot);
    // Without foreign memory there is nothing to read, and every call asks.
    this.view = buffer === undefined ? SHUT : new Uint32Array(buffer);
    this.tally = mail[at.TALLY]!;
    this.seen = NEVER;
  }

  /** Makes the callbacks for the gate as it is, if it lets calls pass. */
  opened(policy: Driven): boolean {
    const { view, tally, slot } = this;
    const seen = view[0]!;
    if ((seen & 1) === 0 || view === SHUT) return false;
    const limit = tally + 2;
    this.succeeded = (value) => {
      if (typeof value === 'object' || policy.classify !== undefined) {
        const judged = judge(policy, How.Value, value);
        if (judged.outcome !== 'success') return new Driver(policy, nothing).startAfter(seen, 0, NOBODY, How.Value, value, judged);
      }
      // Unchanged, and with credit left: one more. A view that is gone reads as neither.
      if (view[0] === seen && view[tally]! < view[limit]!) view[tally]!++;
      else hot.succeed(slot, seen, 0);
      return value;
    };
    this.failed = (error) =>
      new Driver(policy, nothing).startAfter(seen, 0, NOBODY, How.Error, error, judge(policy, How.Error, error));
    this.seen = seen;
    return true;
  }
}

const NOBODY = new Running(1, undefined);
function same(value: unknown): unknown {
  return value;
}
function nothing(): never {
  throw new Error('a call that passed is not run again');
}

/** Runs `work` under a policy. */
export function execute<T>(policy: Driven, work: Work<T>, options: CallOptions | undefined): Promise<T> {
  const { gate } = policy;
  if (options === undefined && ambient() === undefined && (gate.view[0] === gate.seen || gate.opened(policy))) {
    let result: T | PromiseLike<T>;
    try {
      result = work(new Running(1, undefined));
    } catch (error) {
      return gate.failed(error) as Promise<T>;
    }
    if (result instanceof Promise) return result.then(gate.succeeded, gate.failed) as Promise<T>;
    if (isThenable(result)) return Promise.resolve(result).then(gate.succeeded, gate.failed) as Promise<T>;
    return Promise.resolve(gate.succeeded(result));
  }
  return ask(policy, work, options);
}

function ask<T>(policy: Driven, work: Work<T>, options: CallOptions | undefined): Promise<T> {
  const around = ambient();
  const signal = joined(options?.signal, around?.running.signal);
  if (signal?.aborted) return Promise.reject(signal.reason);
  const inherited = enclosing(around, policy.registry);
  const given = options?.deadlineMs === undefined ? NaN : options.deadlineMs * 1e6;
  const limit = Number.isNaN(given) || inherited < given ? inherited : given;
  const { gate } = policy;
  if (gate.refusing && options === undefined) {
    const words = hot.refuse(gate.slot);
    if (words !== undefined) return Promise.reject(rejection(policy, words));
    gate.refusing = false;
  }
  const plain = signal === undefined && Number.isNaN(limit) && options?.cacheKey === undefined && options?.estimate === undefined;
  if (gateIsOn && plain && hot.pass(gate.slot) === 1) {
    const permit = mail[at.PERMIT]!;
    const started = mail[at.STARTED]!;
    gate.moved(mail[at.ADDRESS]!);
    return passed(policy, work, options, permit, started);
  }
  return new Driver(policy, work, options, signal, around).start(limit);
}

/** A call that passes, and keeps what a retry would need. */
function passed<T>(policy: Driven, work: Work<T>, options: CallOptions | undefined, permit: number, started: number): Promise<T> {
  const running = new Running(1, undefined);
  const { slot } = policy.gate;
  const ended = (how: How, last: unknown): T | Promise<T> => {
    const judged = judge(policy, how, last);
    if (judged.outcome !== 'success') return new Driver(policy, work, options).startAfter(permit, started, running, how, last, judged);
    hot.succeed(slot, permit, started);
    try {
      options?.onFinish?.(AT_ONCE);
    } catch (error) {
      policy.registry.internal(`a hook threw: ${String(error)}`);
    }
    return last as T;
  };
  const failed = (error: unknown) => ended(How.Error, error);
  const succeeded = (value: unknown) => ended(How.Value, value);
  try {
    const result = work(running);
    if (isThenable(result)) return Promise.resolve(result).then(succeeded, failed);
    return Promise.resolve(succeeded(result));
  } catch (error) {
    return Promise.resolve(failed(error));
  }
}

function rejection(policy: Driven, words: string): Error {
  const after = mail[at.RETRY_AFTER]!;
  const state = Object.keys(STATES)[mail[at.STATE]!];
  return circuitOpen(policy.native.name, words, state, Number.isNaN(after) ? undefined : after / 1e6);
}

/** The caller's own signal and that of the attempt it runs in. */
function joined(own: AbortSignal | undefined, outer: AbortSignal | undefined): AbortSignal | undefined {
  if (own === undefined || outer === undefined || own === outer) return own ?? outer;
  return AbortSignal.any([own, outer]);
}
