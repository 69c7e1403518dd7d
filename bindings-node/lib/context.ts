// What a running attempt passes down to the calls it makes: the instant its time ends.
import { AsyncLocalStorage } from 'node:async_hooks';
import type { NativeRegistry } from './native.js';

interface Ambient { readonly registry: NativeRegistry; readonly endsAt: number }

const storage = new AsyncLocalStorage<Ambient>();

/** Nanoseconds left to the enclosing attempt, if it has a limit on the same clock. */
export function enclosing(registry: NativeRegistry): number | null {
  const ambient = storage.getStore();
  return ambient === undefined || ambient.registry !== registry ? null : Math.max(0, ambient.endsAt - registry.now());
}

/** Runs `work` with `left` nanoseconds to go, where there is a limit. */
export function within<T>(registry: NativeRegistry, left: number | null | undefined, work: () => T): T {
  return left === null || left === undefined ? work() : storage.run({ registry, endsAt: registry.now() + left }, work);
}

/** Milliseconds left to the attempt that this code runs in; `undefined` without a limit. */
export function remainingMs(): number | undefined {
  const ambient = storage.getStore();
  return ambient === undefined ? undefined : Math.max(0, ambient.endsAt - ambient.registry.now()) / 1e6;
}
