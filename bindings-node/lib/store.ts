// Last good results by key: the values live here, what may be served is decided by the core.
import QuickLRU from 'quick-lru';
import { nanosOf } from './duration.js';
import type { NativeRegistry } from './native.js';

interface Kept { readonly value: unknown; readonly at: number }
export interface CacheConfig { ttl: string; stale_for: string | null; size: number }

/** The key of a value: views of a policy for its own keys share the room, not the values. */
export function keyOf(view: string | undefined, cacheKey: string): string {
  return view === undefined ? cacheKey : `\u0000${view.length}:${view}${cacheKey}`;
}

/** One call that fetches a value for all who ask for its key meanwhile. */
export class Flight {
  readonly landed: Promise<void>;
  #land!: () => void;
  constructor(readonly key: string) {
    this.landed = new Promise((resolve) => (this.#land = resolve));
  }
  land(): void {
    this.#land();
  }
}

export class Store {
  readonly #flights = new Map<string, Flight>();
  #kept = new QuickLRU<string, Kept>({ maxSize: 1 });
  #ttl = 0;
  #staleFor = 0;
  readonly #registry: NativeRegistry;

  constructor(registry: NativeRegistry) {
    this.#registry = registry;
  }

  /** Takes settings, the first or others; what is kept stays as far as there is room. */
  configure(config: CacheConfig): void {
    if (this.#kept.maxSize !== config.size) this.#kept.resize(config.size);
    this.#ttl = nanosOf(config.ttl);
    this.#staleFor = config.stale_for === null || config.stale_for === undefined ? 0 : nanosOf(config.stale_for);
  }

  /** The value of a key within its TTL, or with `stale` past it. */
  find(key: string, stale: boolean): Kept | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    const age = this.#registry.now() - kept.at;
    return age <= this.#ttl + (stale ? this.#staleFor : 0) ? kept : undefined;
  }

  keep(key: string, value: unknown, age = 0): void {
    this.#kept.set(key, { value, at: this.#registry.now() - age });
  }

  forget(key: string): void {
    this.#kept.delete(key);
  }

  /** The call that fetches the key now, if there is one. */
  flight(key: string): Flight | undefined {
    return this.#flights.get(key);
  }
  depart(key: string): Flight {
    const flight = new Flight(key);
    this.#flights.set(key, flight);
    return flight;
  }
  /** The value is kept, or there is none: whoever waits looks again. */
  land(flight: Flight): void {
    if (this.#flights.get(flight.key) === flight) this.#flights.delete(flight.key);
    flight.land();
  }
}
