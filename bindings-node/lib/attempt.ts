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

/** What few attempts are asked for, or say. */
class Said {
  controller: AbortController | undefined = undefined;
  /** Where the signal was asked for, and is aborted. */
  place: AsyncResource | undefined = undefined;
  over: unknown = NOT_OVER;
  actual: string | undefined = undefined;
  committed = false;
}

/** Every call makes one: it is small, and what few need is made when it is. */
export class Running implements Attempt {
  private said: Said | undefined = undefined;
  constructor(readonly attempt: number, private readonly conductor: Conductor | undefined) {}

  get signal(): AbortSignal {
    const said = (this.said ??= new Said());
    if (said.controller === undefined) {
      said.controller = new AbortController();
      if (this.conductor?.isTimedByAll) said.place = new AsyncResource('seawall');
      if (said.over !== NOT_OVER) said.controller.abort(said.over);
    }
    return said.controller.signal;
  }
  get remainingMs(): number | undefined {
    const left = this.conductor === undefined ? NaN : this.conductor.left();
    return Number.isNaN(left) ? undefined : left / 1e6;
  }
  get actual(): string | undefined {
    return this.said?.actual;
  }
  get committed(): boolean {
    return this.said !== undefined && this.said.committed;
  }
  cost(actual: Readonly<Record<string, number>>): void {
    (this.said ??= new Said()).actual = JSON.stringify(actual);
  }
  commit(): void {
    (this.said ??= new Said()).committed = true;
    this.conductor?.committed();
  }
  /** The attempt is over before its work is. */
  stop(reason: unknown): void {
    const { controller, place } = (this.said ??= new Said());
    this.said.over = reason;
    if (controller === undefined) return;
    if (place === undefined) controller.abort(reason);
    else outside(place, () => controller.abort(reason));
  }
}
