import { AsyncResource } from 'node:async_hooks';
import { outside } from './context.js';

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

/** What a running attempt tells its driver. */
export interface Conductor {
  /** Its timer is not of the caller's context. */
  readonly isTimedByAll: boolean;
  left(): number;
  committed(): void;
}

const NOT_OVER = Symbol('not over');

export class Running implements Attempt {
  private controller: AbortController | undefined = undefined;
  private over: unknown = NOT_OVER;
  /** Where the signal was asked for, and is aborted. */
  private place: AsyncResource | undefined = undefined;
  actual: string | undefined = undefined;
  committed = false;
  constructor(readonly attempt: number, private readonly conductor: Conductor | undefined) {}

  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController();
      if (this.conductor?.isTimedByAll) this.place = new AsyncResource('seawall');
      if (this.over !== NOT_OVER) this.controller.abort(this.over);
    }
    return this.controller.signal;
  }
  get remainingMs(): number | undefined {
    const left = this.conductor === undefined ? NaN : this.conductor.left();
    return Number.isNaN(left) ? undefined : left / 1e6;
  }
  cost(actual: Readonly<Record<string, number>>): void {
    this.actual = JSON.stringify(actual);
  }
  commit(): void {
    this.committed = true;
    this.conductor?.committed();
  }
  /** The attempt is over before its work is. */
  stop(reason: unknown): void {
    this.over = reason;
    const { controller, place } = this;
    if (controller === undefined) return;
    if (place === undefined) controller.abort(reason);
    else outside(place, () => controller.abort(reason));
  }
}
