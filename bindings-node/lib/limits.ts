// The ends of limits that calls have: one timer of Node for all calls with the same limit. A call that
// ends in time touches no timer, unless it is the only one.
import { AsyncResource } from 'node:async_hooks';
import { LONGEST_MS, now } from './clock.js';

/** Belongs to no call: what is made in it holds no caller's context. */
const nobodys = new AsyncResource('seawall');

/** A call whose time ends. */
export interface Ending {
  /** Its neighbours in the list. */
  before: Ending | undefined;
  after: Ending | undefined;
  listed: boolean;
  /** By `now`. */
  readonly began: number;
  /** In nobody's context. */
  expire(): void;
}

/** The calls with one limit, that whose time ends first at the front. */
export class Limits {
  private first: Ending | undefined = undefined;
  private last: Ending | undefined = undefined;
  private timer: NodeJS.Timeout | undefined = undefined;

  private constructor(readonly nanos: number) {}

  /** Those with a timer, or asked for. */
  private static readonly known = new Map<number, Limits>();

  static of(nanos: number): Limits {
    const limits = Limits.known.get(nanos) ?? new Limits(nanos);
    Limits.known.set(nanos, limits);
    return limits;
  }

  enter(call: Ending): void {
    let before = this.last;
    // Almost never: one that others overtook while it began.
    while (before !== undefined && before.began > call.began) before = before.before;
    const after = before === undefined ? this.first : before.after;
    if (before === undefined) this.first = call;
    else (call.before = before).after = call;
    if (after === undefined) this.last = call;
    else (call.after = after).before = call;
    call.listed = true;
    if (this.timer === undefined) this.arm(this.nanos);
    // The only one: from here on the timer keeps the process alive.
    else if (before === after) this.timer.ref();
  }

  leave(call: Ending): void {
    if (!call.listed) return;
    const { before, after } = call;
    call.before = call.after = undefined;
    call.listed = false;
    if (before === undefined) this.first = after;
    else before.after = after;
    if (after !== undefined) after.before = before;
    else this.last = before;
    if (before === after) this.timer?.unref();
  }

  private arm(nanos: number): void {
    const timer = () => setTimeout(fire, Math.min(Math.ceil(nanos / 1e6), LONGEST_MS), this);
    this.timer = nobodys.runInAsyncScope(timer);
  }

  fire(): void {
    this.timer = undefined;
    const due: Ending[] = [];
    for (let call = this.first; call !== undefined && call.began + this.nanos <= now(); call = this.first) {
      this.leave(call);
      due.push(call);
    }
    if (this.first !== undefined) this.arm(this.first.began + this.nanos - now());
    else Limits.known.delete(this.nanos);
    for (const call of due) call.expire();
  }
}

function fire(limits: Limits): void {
  limits.fire();
}
