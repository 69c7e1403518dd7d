// What a running attempt passes down to the calls it makes: the instant its time ends, the signal
// that says it is over, and the cache keys it fetches for others.
import { AsyncLocalStorage, type AsyncResource } from 'node:async_hooks';
import type { Running } from './attempt.js';
import type { NativeRegistry } from './native.js';

export interface Ambient {
  readonly registry: NativeRegistry;
  /** In nanoseconds of the registry's clock; infinite without a limit. */
  readonly endsAt: number;
  readonly running: Running;
  /** What the call is fetching for everybody who asks for its key. */
  readonly flight: object | undefined;
  readonly outer: Ambient | undefined;
}

const storage = new AsyncLocalStorage<Ambient>();
/** Node keeps contexts in a table of each promise: what a promise is resolved by runs where it was made. */
export const promisesArePlaces = 'kResourceStore' in storage;
/** Until the first attempt with a limit the storage is left alone: it slows every promise down. */
let entered = false;

export function ambient(): Ambient | undefined {
  return entered ? storage.getStore() : undefined;
}

/** Nanoseconds left to the enclosing attempt, on the same clock; NaN without a limit. */
export function enclosing(around: Ambient | undefined, registry: NativeRegistry): number {
  if (around === undefined || around.registry !== registry || around.endsAt === Infinity) return NaN;
  return Math.max(0, around.endsAt - registry.now());
}

/** Runs `work` with `inside` around all that it begins. */
export function within<A, R>(inside: Ambient, work: (argument: A) => R, argument: A): R {
  entered = true;
  return storage.run(inside, work, argument);
}

/** Runs `act` where `place` is, inside no attempt. */
export function outside(place: AsyncResource, act: () => void): void {
  place.runInAsyncScope(() => storage.exit(act));
}

/** Milliseconds left to the attempt that this code runs in; `undefined` without a limit. */
export function remainingMs(): number | undefined {
  const around = ambient();
  if (around === undefined || around.endsAt === Infinity) return undefined;
  return Math.max(0, around.endsAt - around.registry.now()) / 1e6;
}

/** Whether the calls around this one are fetching `flight`: waiting for it would be for ever. */
export function isFetching(around: Ambient | undefined, flight: object): boolean {
  for (let at = around; at !== undefined; at = at.outer) if (at.flight === flight) return true;
  return false;
}
