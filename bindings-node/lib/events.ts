import { callable } from './checks.js';
import { wordsOf } from './errors.js';
import type { EVENT_KINDS } from './generated/codes.js';
import type { NativeCursor, NativeRegistry } from './native.js';
import { registry } from './registry.js';

/** Something that happened. */
export interface SeawallEvent {
  readonly sequence: number;
  readonly kind: keyof typeof EVENT_KINDS;
  readonly at_ns: number;
  readonly policy_id: number;
  readonly policy: string | null;
  readonly part: string;
  readonly key: string | null;
  readonly from: string | null;
  readonly to: string | null;
  readonly reason: string | null;
  readonly span_ns: number;
  readonly count: number;
  readonly outcome: string | null;
  readonly detail: string | null;
}

/** How often a listener looks for events of others, in milliseconds. */
const EVERY_MS = 100;

/** Those who read events now. */
const readers = new Set<() => void>();

/** Hands a call's own events to the listeners as soon as the call is decided. */
export function deliver(): void {
  if (readers.size > 0) for (const read of readers) read();
}

/**
 * Calls `listener` for each event, outside of every lock: for calls of this thread as soon as they
 * are decided, for all others at most 100 ms later. The timer keeps no process alive. A listener
 * that throws is reported and changes nothing.
 */
export function listen(listener: (event: SeawallEvent) => void, of: NativeRegistry = registry()): Disposable {
  callable(listener, 'listen');
  const cursor: NativeCursor = of.subscribe();
  const read = () => {
    for (const text of cursor.drain()) {
      try {
        listener(JSON.parse(text) as SeawallEvent);
      } catch (error) {
        of.internal(`a listener threw: ${wordsOf(error)}`);
      }
    }
  };
  const timer = setInterval(() => {
    of.tick();
    read();
  }, EVERY_MS).unref();
  readers.add(read);
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      readers.delete(read);
      read();
      cursor.close();
    },
  };
}
