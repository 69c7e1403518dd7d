// A call with a time limit that passes the gate: it is listed with those of the same limit, and crosses
// once, to report how it ended; the core reads when.
import { AsyncResource } from 'node:async_hooks';
import { Running, type Conductor } from './attempt.js';
import { now } from './clock.js';
import { promisesArePlaces, within, type Ambient } from './context.js';
import { Driver } from './drive.js';
import { How, isThenable, judge, typeOf } from './end.js';
import { deliver } from './events.js';
import { OUTCOMES } from './generated/codes.js';
import * as at from './hot.js';
import { hot, type Kind } from './hot.js';
import type { Ending, Limits } from './limits.js';
import type { NativeRegistry } from './native.js';
import type { Driven, Work } from './options.js';

/** What the calls of one gate and limit share. */
export interface Terms {
  readonly permit: number;
  readonly limits: Limits;
  /** What the core's clock is ahead of ours, in nanoseconds. */
  readonly ahead: number;
  /** The end of a call's time may lead to something of its caller's. */
  readonly placed: boolean;
}

let resolve: ((value: any) => void) | undefined;
let reject: ((error: unknown) => void) | undefined;
/** One for all: what it is given is fetched at once. */
const executor = (yes: (value: any) => void, no: (error: unknown) => void) => {
  resolve = yes;
  reject = no;
};

export class Limited<T> implements Ending, Ambient, Conductor {
  // Not of a base class, whose constructor would be looked for with each call.
  before: Ending | undefined = undefined;
  after: Ending | undefined = undefined;
  listed = false;
  readonly began = now();
  readonly running: Running = new Running(1, this);
  private over = false;
  private resolve!: (value: T | PromiseLike<T>) => void;
  private reject!: (error: unknown) => void;
  /** Where the caller is, unless its promise tells. */
  private readonly place: AsyncResource | undefined;

  constructor(private readonly policy: Driven, private readonly work: Work<T>, private readonly terms: Terms) {
    this.place = terms.placed && !promisesArePlaces ? new AsyncResource('seawall') : undefined;
  }

  // ---- what the calls inside are told ----

  get isTimedByAll(): true {
    return true;
  }
  get limits(): Limits {
    return this.terms.limits;
  }
  get registry(): NativeRegistry {
    return this.policy.registry;
  }
  get endsAt(): number {
    return this.instant + this.terms.limits.nanos;
  }
  get flight(): undefined {
    return undefined;
  }
  get outer(): undefined {
    return undefined;
  }
  /** When it began, by the clock of the registry. */
  private get instant(): number {
    return this.terms.ahead + this.began;
  }
  /** The same as a pass has it: one more, as 0 is none. */
  private get started(): number {
    return this.instant + 1;
  }

  // ---- the attempt ----

  run(): Promise<T> {
    const promise = new Promise<T>(executor);
    this.resolve = resolve!;
    this.reject = reject!;
    resolve = reject = undefined;
    let result: T | PromiseLike<T>;
    try {
      result = within(this, this.work, this.running);
    } catch (error) {
      this.ended(How.Error, error);
      return promise;
    }
    if (!isThenable(result)) {
      this.ended(How.Value, result);
      return promise;
    }
    if (!this.running.committed) this.limits.enter(this);
    (result instanceof Promise ? (result as Promise<T>) : Promise.resolve(result)).then(
      (value) => this.ended(How.Value, value),
      (error: unknown) => this.ended(How.Error, error),
    );
    return promise;
  }

  private ended(how: How, last: unknown): void {
    // What was left behind says nothing any more.
    if (this.over) return;
    this.over = true;
    const { policy, work, running, started, terms } = this;
    this.limits.leave(this);
    const { outcome, retryAfterMs } = judge(policy, how, last);
    let kind: Kind;
    if (outcome === 'success' && !running.committed) kind = hot.succeed(policy.gate.slot, terms.permit, started);
    else {
      const hint = retryAfterMs === undefined ? NaN : retryAfterMs * 1e6;
      kind = hot.fail(policy.gate.slot, terms.permit, started, running.committed ? 1 : 0, OUTCOMES[outcome], hint, 0, typeOf(how, last), NaN);
    }
    if (kind >= 0 && kind !== at.OVER) this.resolve(new Driver(policy, work).resume(kind, how, last));
    else if (how === How.Value) this.resolve(last as T);
    else {
      deliver();
      this.reject(last);
    }
  }

  expire(): void {
    if (this.over) return;
    this.over = true;
    if (this.place !== undefined) this.resolve(this.place.runInAsyncScope(lapse<T>, undefined, this));
    else if (this.terms.placed) this.resolve(new Elsewhere(this));
    else this.resolve(lapse(this));
  }

  /** Its time is over. */
  lapse(): Promise<T> {
    const { policy, work, started, running, terms } = this;
    return new Driver(policy, work).lapse(hot.lapse(policy.gate.slot, terms.permit, started), running);
  }

  left(): number {
    const limit = this.running.committed ? this.policy.shape.deadline : this.terms.limits.nanos;
    return limit === Infinity ? NaN : Math.max(0, limit - (now() - this.began));
  }

  committed(): void {
    this.limits.leave(this);
  }
}

function lapse<T>(call: Limited<T>): Promise<T> {
  return call.lapse();
}

/** What a promise is resolved by that is asked where the promise was made. */
class Elsewhere<T> implements PromiseLike<T> {
  constructor(private readonly call: Limited<T>) {}
  then(resolve: any, reject: any): any {
    return lapse(this.call).then(resolve, reject);
  }
}
