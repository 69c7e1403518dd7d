// For tests of code that uses Seawall: a clock that stands still, chosen random numbers, no waiting.
import { known } from './checks.js';
import { listen, type SeawallEvent } from './events.js';
import { native, type NativeRegistry } from './native.js';
import { registry, replaceRegistry } from './registry.js';

/** A registry of its own. Policies made while it is open live in it. */
export class Sandbox implements Disposable {
  readonly #registry: NativeRegistry;
  readonly #restore: () => void;
  readonly #cursor;

  constructor(options: { seed?: number; environment?: Readonly<Record<string, string>> } = {}) {
    const { seed = 1, environment = {} } = known(options, ['seed', 'environment'], 'Sandbox');
    this.#registry = native.NativeRegistry.manual(seed, Object.entries(environment));
    this.#restore = replaceRegistry(this.#registry);
    this.#cursor = this.#registry.subscribe();
  }
  get nowMs(): number {
    return this.#registry.now() / 1e6;
  }
  /** Moves the clock on; waits of calls move it too, so that nothing sleeps. */
  advance(ms: number): void {
    this.#registry.advance(ms * 1e6);
  }
  /** The next uniform numbers that jitter draws. */
  random(...numbers: number[]): void {
    for (const number of numbers) this.#registry.script(number);
  }
  /** The events since the last look. */
  events(): SeawallEvent[] {
    return this.#cursor.drain().map((text) => JSON.parse(text) as SeawallEvent);
  }
  listen(listener: (event: SeawallEvent) => void): Disposable {
    return listen(listener, this.#registry);
  }
  [Symbol.dispose](): void {
    this.#cursor.close();
    this.#restore();
  }
}

/** Waits of all policies of the process return at once until the result is disposed. */
export function noWaiting(): Disposable {
  const of = registry();
  of.freeze();
  return { [Symbol.dispose]: () => of.thaw() };
}
