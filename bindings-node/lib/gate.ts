// The pass path. The gate of a policy is a word in the core's own memory: generation << 1 | pass.
// While it says pass a call runs at once and its success is one addition to this thread's tally;
// nothing crosses and nothing is decided here. Anything else is asked, or told.
import { Running } from './attempt.js';
import { misused } from './checks.js';
import type { Judged } from './classify.js';
import { now, timersAreReal } from './clock.js';
import { ambient, enclosing } from './context.js';
import { Driver } from './drive.js';
import { How, isThenable, judge, typeOf } from './end.js';
import { circuitOpen } from './errors.js';
import { deliver } from './events.js';
import { OUTCOMES, STATES } from './generated/codes.js';
import * as at from './hot.js';
import { changes, gateIsOn, hot, mail, type Kind } from './hot.js';
import { Loan, wakeStranded } from './loan.js';
import { Limited, type Terms } from './limited.js';
import { Limits } from './limits.js';
import type { NativePolicy } from './native.js';
import type { CallOptions, Driven, Work } from './options.js';
import { tell } from './report.js';
import { wake } from './wait.js';

/** A view that never passes. */
const SHUT = new Uint32Array(2);
/** One that always does: there is no breaker. */
const OPEN = new Uint32Array([1, 0]);
/** What no gate of `SHUT` is, and no number of changes. */
const NEVER = -1;

/** What calls that read the clock do by it. Lengths are nanoseconds. */
interface Timed {
  /** What takes more is reported; NaN where calls need not tell when they began. */
  readonly slow: number;
  /** How long a first attempt may run; NaN without a limit. */
  readonly limit: number;
  /** What the core's clock is ahead of ours. */
  readonly ahead: number;
  /** Of those with a limit. */
  terms: Terms | undefined;
}

/** Where a policy's gate is, and what counts the calls that pass it. */
export class Gate {
  view = SHUT;
  /** The gate that they were made for; another one is another generation. */
  seen = NEVER;
  /** A gate at which calls must not pass, but are let in when they ask, and report how they ended. */
  door = NEVER;
  /** Of a policy with a bulkhead, once a place was had: whoever passes needs one. */
  loan: Loan | undefined = undefined;
  /** What follows calls at that gate, if it is the same for all. */
  reports: Reports | undefined = undefined;
  /** The last call failed, so the next one may. */
  failing = false;
  /** The number of changes under which it was. */
  since = NEVER;
  /** What follows a call that passes and succeeds. */
  succeeded: (value: any) => any = nothing;
  /** What follows one that fails, if it is the same for all: none is run again. */
  failed: ((error: unknown) => any) | undefined = undefined;
  readonly slot: number;
  /** A rejection was the last answer, so it may be the next. */
  refusing = false;
  /** Under these settings every call is stepped. */
  stepped = !gateIsOn;
  /** The last limit of an attempt. */
  limitMs = 0;
  /** Calls that pass read the clock: they have a limit, or tell when they began. */
  timed: Timed | undefined = undefined;
  private address = NEVER;
  tally = 0;
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
    this.seen = this.door = NEVER;
    this.loan = this.reports = undefined;
    this.address = NEVER;
  }

  /** A call was let in by asking, at the gate at `address`; its place, where it needs one, is of `loan`. */
  moved(address: number, loan: number): void {
    if (this.parked || this.stepped) return;
    if (loan >= 0 && this.loan?.number !== loan) {
      this.shut();
      this.loan = new Loan(loan);
    }
    if (address === this.address) return;
    this.address = address;
    const buffer = hot.view(this.slot);
    // Without foreign memory there is nothing to read, and every call asks.
    this.view = buffer !== undefined ? new Uint32Array(buffer) : mail[at.TALLY] === 0 ? OPEN : SHUT;
    this.tally = mail[at.TALLY]!;
    const [slow, limit] = [mail[at.SPAN]!, mail[at.LIMIT]!];
    this.timed = slow >= 0 || limit >= 0 ? { slow, limit, ahead: mail[at.STARTED]! - now(), terms: undefined } : undefined;
    this.seen = this.door = NEVER;
  }

  /** A place for a call that came to a gate, where it needs one. */
  enters(came: number): boolean {
    const { loan } = this;
    return loan === undefined || (loan.take() && (this.view[0] === came || goesBack(loan)));
  }

  /** Looks at a gate that is not as it was; whether it lets calls pass. */
  opens(policy: Driven): boolean {
    const { view, loan } = this;
    const seen = view[0]!;
    // A view that is gone reads as neither.
    if ((seen & 1) === 0 || view === SHUT) return false;
    this.succeeded = passed(policy, view, seen, this.tally, loan);
    const { timed } = this;
    if (timed !== undefined && timed.limit >= 0) {
      const placed = policy.shape.again || (policy.onTimeout ?? policy.onSlow) !== undefined;
      timed.terms = { permit: seen, limits: Limits.of(timed.limit), ahead: timed.ahead, placed };
    }
    this.failed = policy.shape.again ? undefined : again(policy, nothing, seen, NOBODY, loan);
    this.seen = seen;
    return true;
  }
}

/** Who was held up before it took a place is not to go in once the circuit has opened and those inside have left. */
function goesBack(loan: Loan): boolean {
  loan.put();
  return false;
}

const NOBODY = new Running(1, undefined);
function nothing(): any {}

/** What follows a call that passed and succeeded. */
function passed(policy: Driven, view: Uint32Array, seen: number, tally: number, loan: Loan | undefined): (value: any) => any {
  const { gate } = policy;
  const { slot } = gate;
  const limit = tally + 2;
  const plain = policy.classify === undefined;
  const counts = view !== OPEN;
  return (value) => {
    if (typeof value === 'object' || !plain) {
      const judged = judge(policy, How.Value, value);
      if (judged.outcome !== 'success') return fail(policy, nothing, undefined, { permit: seen, started: 0, loan }, NOBODY, How.Value, value, judged) ?? value;
    }
    gate.failing = false;
    if (counts) {
      // Unchanged, and with credit left: one more.
      if (view[0] === seen && view[tally]! < view[limit]!) view[tally]!++;
      else dismiss(slot, seen, 0, NaN);
    }
    if (loan !== undefined) loan.put();
    return value;
  };
}

/** Runs `work` under a policy. */
export function execute<T>(policy: Driven, work: Work<T>, options: CallOptions | undefined): Promise<T> {
  const { gate } = policy;
  if (options === undefined && gate.since === changes[0] && ambient() === undefined) {
    if ((gate.view[0] === gate.seen || gate.opens(policy)) && gate.enters(gate.seen)) {
      if (gate.timed !== undefined) return timed(policy, work, gate.timed);
      const running = new Running(1, undefined);
      if (gate.failing && gate.failed !== undefined) return toldFirst(work, running, gate.succeeded, told(policy, gate.seen, gate.loan), gate.failed);
      return run(work, running, gate.succeeded, gate.failed ?? again(policy, work, gate.seen, running, gate.loan));
    }
    if (gate.view[0] === gate.door && gate.reports !== undefined && gate.loan === undefined) return reported(gate, work, gate.reports);
  }
  return ask(policy, work, options);
}

/** A call that passes, and has a limit or counts as slow. */
function timed<T>(policy: Driven, work: Work<T>, { terms, slow, ahead }: Timed): Promise<T> {
  const { gate } = policy;
  if (terms !== undefined) return timersAreReal() ? new Limited(policy, work, terms).run() : ask(policy, work, undefined);
  const { view, seen, tally } = gate;
  const running = new Running(1, undefined);
  // One more than the instant: 0 is none.
  const offset = ahead + 1;
  const started = now() + offset;
  return run(work, running, (value) => {
    if (typeof value === 'object' || policy.classify !== undefined) {
      const judged = judge(policy, How.Value, value);
      if (judged.outcome !== 'success') return fail(policy, work, undefined, alone(seen, started), running, How.Value, value, judged) ?? value;
    }
    if (now() + offset - started <= slow && view[0] === seen && view[tally]! < view[tally + 2]!) view[tally]!++;
    else dismiss(gate.slot, seen, started, NaN);
    return value;
  }, (error) => failed(policy, work, undefined, alone(seen, started), running, error) ?? new Rethrown(error));
}

/** What a call holds that needs no place. */
const alone = (permit: number, started: number): Admission => ({ permit, started, loan: undefined });

/** What follows calls that are let in and report, where none of them is run again. */
interface Reports {
  readonly permit: number;
  succeeded(value: any): any;
  failed(error: unknown): void;
  /** The same, and the promise that it is told by fails too. */
  rethrown(error: unknown): any;
}

function reports(policy: Driven, permit: number, loan: Loan | undefined): Reports {
  const { gate } = policy;
  const place = loan === undefined ? NaN : loan.number;
  const admission = { permit, started: 0, loan };
  return {
    permit,
    succeeded(value) {
      if (typeof value === 'object' || policy.classify !== undefined) {
        const judged = judge(policy, How.Value, value);
        if (judged.outcome !== 'success') return fail(policy, nothing, undefined, admission, NOBODY, How.Value, value, judged) ?? value;
      }
      gate.failing = false;
      dismiss(gate.slot, permit, 0, place);
      return value;
    },
    failed: told(policy, permit, loan),
    rethrown: again(policy, nothing, permit, NOBODY, loan),
  };
}

const { then } = Promise.prototype;

function reported<T>(gate: Gate, work: Work<T>, { succeeded, failed, rethrown }: Reports): Promise<T> {
  const running = new Running(1, undefined);
  return gate.failing ? toldFirst(work, running, succeeded, failed, rethrown) : run(work, running, succeeded, rethrown);
}

/** `run` where a failure is likely: it is told of first, and goes on by itself, which is cheaper than to make a promise fail. */
function toldFirst<T>(work: Work<T>, running: Running, succeeded: (value: any) => any, failed: (error: unknown) => void, rethrown: (error: unknown) => any): Promise<T> {
  let result: T | PromiseLike<T>;
  try {
    result = work(running);
    if (result instanceof Promise && result.then === then) {
      void result.then(undefined, failed);
      return result.then(succeeded) as Promise<T>;
    }
    if (!isThenable(result)) return Promise.resolve(succeeded(result));
  } catch (error) {
    return settled(rethrown(error));
  }
  return Promise.resolve(result).then(succeeded, rethrown);
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
    // Not a promise that has failed already: Node would look after it until its caller does.
    if (words !== undefined) return settled(new Rethrown(rejection(policy, words)));
    gate.refusing = false;
  }
  const plain = signal === undefined && Number.isNaN(limit) && options?.cacheKey === undefined && options?.estimate === undefined;
  if (plain && !gate.stepped) {
    // As long as the gate does not change, neither does what was said of it.
    const { door, loan } = gate;
    if (gate.view[0] === door && gate.enters(door)) {
      // Who comes once has no use for it.
      if (loan === undefined && !policy.shape.again) gate.reports ??= reports(policy, door, loan);
      return admitted(policy, work, options, { permit: door, started: 0, loan });
    }
    const may = hot.admit(gate.slot);
    if (may === at.ADMITTED) {
      const [permit, started] = [mail[at.PERMIT]!, mail[at.STARTED]!];
      gate.moved(mail[at.ADDRESS]!, mail[at.LOAN]!);
      const { loan } = gate;
      const door = gate.view === SHUT || gate.timed !== undefined ? NEVER : gate.view === OPEN ? OPEN[0]! : permit;
      // A place that goes back with the report is held as nothing else is.
      const alike = !policy.shape.again && (loan === undefined || loan.recalled);
      if (!alike || gate.door !== door || gate.reports?.permit !== permit) gate.reports = alike && loan !== undefined ? reports(policy, permit, loan) : undefined;
      gate.door = door;
      if (options === undefined && loan !== undefined && gate.reports !== undefined && door !== NEVER) return reported(gate, work, gate.reports);
      const admission = { permit, started, loan };
      return admitted(policy, work, options, admission);
    }
    if (may === at.LIMITED) gate.moved(mail[at.ADDRESS]!, NaN);
    gate.stepped = may === at.NEVER;
  }
  return new Driver(policy, work, options, signal, around).start(limit);
}

/** What a call holds that was let in without being stepped. */
interface Admission {
  readonly permit: number;
  /** When, as the core put it; 0 where nothing needs it. */
  readonly started: number;
  /** What its place is of. */
  readonly loan: Loan | undefined;
}

/** A call that was let in by asking. */
function admitted<T>(policy: Driven, work: Work<T>, options: CallOptions | undefined, admission: Admission): Promise<T> {
  const running = new Running(1, undefined);
  const began = options?.onFinish === undefined ? 0 : policy.registry.now();
  const succeeded = (value: any) => {
    if (typeof value === 'object' || policy.classify !== undefined) {
      const judged = judge(policy, How.Value, value);
      if (judged.outcome !== 'success') return fail(policy, work, options, admission, running, How.Value, value, judged) ?? value;
    }
    const { gate } = policy;
    const { permit, started, loan } = admission;
    gate.failing = false;
    if (loan === undefined) dismiss(gate.slot, permit, started, NaN);
    // Where calls cannot pass, a place that was put back would lie unused.
    else if (gate.view === SHUT || loan.recalled) dismiss(gate.slot, permit, started, loan.number);
    else {
      if (gate.view !== OPEN) dismiss(gate.slot, permit, started, NaN);
      loan.put();
    }
    if (options?.onFinish !== undefined) tell(policy, options.onFinish, began);
    return value;
  };
  if (!policy.gate.failing) {
    return run(work, running, succeeded, (error) => failed(policy, work, options, admission, running, error) ?? new Rethrown(error));
  }
  // A promise of its own is dearer, but need not be made to fail.
  return new Promise((resolve, reject) => {
    void run(work, running, (value) => resolve(succeeded(value)), (error) => {
      const more = failed(policy, work, options, admission, running, error);
      if (more === undefined) reject(error);
      else resolve(more);
    });
  });
}

function run<T>(work: Work<T>, running: Running, succeeded: (value: any) => any, failed: (error: unknown) => any): Promise<T> {
  let result: T | PromiseLike<T>;
  try {
    result = work(running);
    if (result instanceof Promise) return result.then(succeeded, failed) as Promise<T>;
    if (!isThenable(result)) return Promise.resolve(succeeded(result));
  } catch (error) {
    return settled(failed(error));
  }
  return Promise.resolve(result).then(succeeded, failed);
}

// Functions of their own: one that makes a closure somewhere pays for it on every way through.
function settled<T>(by: PromiseLike<T>): Promise<T> {
  return new Promise((resolve) => resolve(by));
}
function again(policy: Driven, work: Work<any>, permit: number, running: Running, loan: Loan | undefined): (error: unknown) => any {
  return (error) => failed(policy, work, undefined, { permit, started: 0, loan }, running, error) ?? new Rethrown(error);
}

function told(policy: Driven, permit: number, loan: Loan | undefined): (error: unknown) => void {
  return (error) => void failed(policy, nothing, undefined, { permit, started: 0, loan }, NOBODY, error);
}

function dismiss(slot: number, permit: number, started: number, loan: number): void {
  if (hot.dismiss(slot, permit, started, loan) !== 0) wakeStranded();
}

/** An attempt that was let in failed: the rest of the call, nothing where it is over. */
function failed(policy: Driven, work: Work<any>, options: CallOptions | undefined, admission: Admission, running: Running, error: unknown): Promise<any> | undefined {
  policy.gate.failing = true;
  return fail(policy, work, options, admission, running, How.Error, error, judge(policy, How.Error, error));
}

function fail(
  policy: Driven, work: Work<any>, options: CallOptions | undefined, admission: Admission, running: Running, how: How, last: unknown, judged: Judged,
): Promise<any> | undefined {
  const { permit, started, loan } = admission;
  const hint = judged.retryAfterMs === undefined ? NaN : judged.retryAfterMs * 1e6;
  const keep = options?.onFinish === undefined ? 0 : 1;
  const kind = hot.fail(
    policy.gate.slot, permit, started, running.committed ? 1 : 0, OUTCOMES[judged.outcome], hint, keep, typeOf(how, last), loan === undefined ? NaN : loan.number,
  );
  if (kind >= 0 && kind !== at.OVER) {
    if (work !== nothing) return new Driver(policy, work, options).resume(kind, how, last);
    abandon(kind);
  } else if (mail[at.WAKES] !== 0) wakeStranded();
  deliver();
  return undefined;
}

/** A call that is to go on, under settings that came while it ran, ends: nobody knows any more what it ran. */
function abandon(kind: Kind): void {
  const call = mail[at.CALL]!;
  if (kind !== at.FINISH) hot.cancelled(call, 0);
  wake(JSON.parse(hot.wakes(call)) as number[]);
  hot.release(call);
}

/** What rejects the promise that it is returned to: a `throw` would search the stack for a handler first. */
class Rethrown implements PromiseLike<never> {
  constructor(private readonly error: unknown) {}
  then(_resolve: any, reject: any): any {
    reject(this.error);
  }
}

const STATE_NAMES = Object.keys(STATES);

function rejection(policy: Driven, words: string): Error {
  const after = mail[at.RETRY_AFTER]!;
  return circuitOpen(policy.name, words, STATE_NAMES[mail[at.STATE]!], Number.isNaN(after) ? undefined : after / 1e6);
}

/** The caller's own signal and that of the attempt it runs in. */
function joined(own: AbortSignal | undefined, outer: AbortSignal | undefined): AbortSignal | undefined {
  if (own === undefined || outer === undefined || own === outer) return own ?? outer;
  return AbortSignal.any([own, outer]);
}
