// The pass path. The gate of a policy is a word in the core's own memory: generation << 1 | pass.
// While it says pass a call runs at once and its success is one addition to this thread's tally;
// nothing crosses and nothing is decided here. Anything else is asked, or told.
import { Running } from './attempt.js';
import { misused } from './checks.js';
import type { Judged } from './classify.js';
import { ambient, enclosing } from './context.js';
import { Driver } from './drive.js';
import { How, isThenable, judge, nameOf } from './end.js';
import { circuitOpen } from './errors.js';
import { deliver } from './events.js';
import { OUTCOMES, STATES } from './generated/codes.js';
import * as at from './hot.js';
import { changes, gateIsOn, hot, mail } from './hot.js';
import type { NativePolicy } from './native.js';
import type { CallOptions, Driven, Report, Work } from './options.js';

/** A view that never passes. */
const SHUT = new Uint32Array(2);
/** What no gate of `SHUT` is, and no number of changes. */
const NEVER = -1;

/** Where a policy's gate is, and what counts the calls that pass it. */
export class Gate {
  view = SHUT;
  /** The gate that `ends` were made for; another one is another generation. */
  seen = NEVER;
  /** The number of changes under which it was. */
  since = NEVER;
  count: () => void = nothing;
  /** What follows all calls that pass, if it is the same for all: none is run again. */
  ends: Ends | undefined = undefined;
  readonly slot: number;
  /** A rejection was the last answer, so it may be the next. */
  refusing = false;
  /** Under these settings every call is stepped. */
  stepped = !gateIsOn;
  /** The last limit of an attempt. */
  limitMs = NaN;
  private address = 0;
  private tally = 0;
  private parked = false;

  constructor(native: NativePolicy) {
    this.slot = native.slot();
  }

  /** What was known of settings that are no longer in force is forgotten. */
  renew(): void {
    this.since = changes[0]!;
    this.stepped = !gateIsOn;
    this.refusing = false;
    this.shut();
  }

  /** The cells are let go of: from here on there is no one gate. */
  park(): void {
    this.parked = true;
    this.shut();
  }

  private shut(): void {
    this.view = SHUT;
    this.seen = NEVER;
    this.address = 0;
  }

  /** A call had to ask, and found the gate at `address`. */
  moved(address: number): void {
    if (address === this.address || this.parked || this.stepped) return;
    this.address = address;
    const buffer = hot.view(this.slot);
    // Without foreign memory there is nothing to read, and every call asks.
    this.view = buffer === undefined ? SHUT : new Uint32Array(buffer);
    this.tally = mail[at.TALLY]!;
    this.seen = NEVER;
  }

  /** Looks at a gate that is not as it was; whether it lets calls pass. */
  opens(policy: Driven): boolean {
    const { view, tally, slot } = this;
    const seen = view[0]!;
    // A view that is gone reads as neither.
    if ((seen & 1) === 0 || view === SHUT) return false;
    const limit = tally + 2;
    this.count = () => {
      // Unchanged, and with credit left: one more.
      if (view[0] === seen && view[tally]! < view[limit]!) view[tally]!++;
      else hot.succeed(slot, seen, 0);
    };
    this.ends = policy.shape.again ? undefined : ends(policy, nothing, undefined, NOBODY, seen, 0, this.count);
    this.seen = seen;
    return true;
  }
}

const NOBODY = new Running(1, undefined);
function nothing(): any {}

/** Runs `work` under a policy. */
export function execute<T>(policy: Driven, work: Work<T>, options: CallOptions | undefined): Promise<T> {
  const { gate } = policy;
  if (options === undefined && gate.since === changes[0] && (gate.view[0] === gate.seen || gate.opens(policy)) && ambient() === undefined) {
    const running = new Running(1, undefined);
    return run(work, running, gate.ends ?? ends(policy, work, undefined, running, gate.seen, 0, gate.count));
  }
  return ask(policy, work, options);
}

function ask<T>(policy: Driven, work: Work<T>, options: CallOptions | undefined): Promise<T> {
  const { gate } = policy;
  const mistake = options === undefined ? undefined : misused(options);
  if (mistake !== undefined) return Promise.reject(mistake);
  policy.shape.current();
  if (gate.since !== changes[0]) gate.renew();
  const around = ambient();
  const signal = joined(options?.signal, around?.running.signal);
  if (signal?.aborted) return Promise.reject(signal.reason);
  const inherited = enclosing(around, policy.registry);
  const given = options?.deadlineMs === undefined ? NaN : options.deadlineMs * 1e6;
  const limit = Number.isNaN(given) || inherited < given ? inherited : given;
  if (gate.refusing && options === undefined) {
    const words = hot.refuse(gate.slot);
    if (words !== undefined) return Promise.reject(rejection(policy, words));
    gate.refusing = false;
  }
  const plain = signal === undefined && Number.isNaN(limit) && options?.cacheKey === undefined && options?.estimate === undefined;
  if (plain && !gate.stepped) {
    const { slot } = gate;
    const may = hot.pass(slot);
    if (may === at.PASS || may === at.ASKED) {
      const permit = mail[at.PERMIT]!;
      const started = mail[at.STARTED]!;
      gate.moved(mail[at.ADDRESS]!);
      const count = () => (may === at.PASS ? hot.succeed : hot.succeedAsked)(slot, permit, started);
      const running = new Running(1, undefined);
      return run(work, running, ends(policy, work, options, running, permit, started, count));
    }
    gate.stepped = may === at.NEVER;
  }
  return new Driver(policy, work, options, signal, around).start(limit);
}

/** What follows a call that is not stepped. */
interface Ends {
  succeeded(value: any): any;
  failed(error: unknown): any;
}

function run<T>(work: Work<T>, running: Running, { succeeded, failed }: Ends): Promise<T> {
  let result: T | PromiseLike<T>;
  try {
    result = work(running);
    if (result instanceof Promise) return result.then(succeeded, failed) as Promise<T>;
    if (!isThenable(result)) return Promise.resolve(succeeded(result));
  } catch (error) {
    return new Promise((resolve) => resolve(failed(error)));
  }
  return Promise.resolve(result).then(succeeded, failed);
}

/** `count` is what a plain success takes; anything else is told. */
function ends<T>(
  policy: Driven, work: Work<T>, options: CallOptions | undefined, running: Running, permit: number, started: number, count: () => void,
): Ends {
  const began = options?.onFinish === undefined ? 0 : policy.registry.now();
  const ended = (how: How, last: unknown, judged: Judged) => afterPass(policy, work, options, permit, started, running, how, last, judged);
  return {
    succeeded(value) {
      if (typeof value === 'object' || policy.classify !== undefined) {
        const judged = judge(policy, How.Value, value);
        if (judged.outcome !== 'success') return ended(How.Value, value, judged);
      }
      count();
      if (options?.onFinish !== undefined) tell(policy, options.onFinish, began);
      return value;
    },
    failed: (error) => ended(How.Error, error, judge(policy, How.Error, error)),
  };
}

/** The first attempt of a call that passed was no plain success: the call goes on, or is over. */
function afterPass<T>(
  policy: Driven, work: Work<T>, options: CallOptions | undefined, permit: number, started: number,
  running: Running, how: How, last: unknown, judged: Judged,
): T | Promise<T> {
  const hint = judged.retryAfterMs === undefined ? NaN : judged.retryAfterMs * 1e6;
  const keep = options?.onFinish === undefined ? 0 : 1;
  const kind = hot.afterPass(policy.gate.slot, permit, started, running.committed ? 1 : 0, OUTCOMES[judged.outcome], hint, keep, nameOf(how, last));
  if (kind >= 0 && kind !== at.OVER) return new Driver(policy, work, options).resume(kind, how, last);
  deliver();
  return how === How.Error ? (new Rethrown(last) as unknown as Promise<T>) : (last as T);
}

/** What rejects the promise that it is returned to: a `throw` would search the stack for a handler first. */
class Rethrown {
  constructor(private readonly error: unknown) {}
  then(_resolve: unknown, reject: (error: unknown) => void): void {
    reject(this.error);
  }
}

function tell(policy: Driven, onFinish: (report: Report) => void, began: number): void {
  try {
    onFinish({ ...AT_ONCE, elapsedMs: (policy.registry.now() - began) / 1e6 });
  } catch (error) {
    policy.registry.internal(`a hook threw: ${String(error)}`);
  }
}

/** The report of a call that succeeded without being stepped. */
const AT_ONCE: Report = {
  verdict: 'settle', outcome: 'success', attempts: 1, elapsedMs: 0, reason: undefined, refusal: undefined,
  link: undefined, queuedForMs: undefined, stored: false, forgotten: false,
};

function rejection(policy: Driven, words: string): Error {
  const after = mail[at.RETRY_AFTER]!;
  const state = Object.keys(STATES)[mail[at.STATE]!];
  return circuitOpen(policy.name, words, state, Number.isNaN(after) ? undefined : after / 1e6);
}

/** The caller's own signal and that of the attempt it runs in. */
function joined(own: AbortSignal | undefined, outer: AbortSignal | undefined): AbortSignal | undefined {
  if (own === undefined || outer === undefined || own === outer) return own ?? outer;
  return AbortSignal.any([own, outer]);
}
