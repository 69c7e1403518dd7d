// What of a policy's settings matters on this side of the core. A reload makes it anew.
import { nanosOf } from './duration.js';
import type { FallbackOptions } from './generated/config.js';
import { changes } from './hot.js';
import type { NativePolicy, NativeRegistry } from './native.js';
import { Store, type CacheConfig } from './store.js';

/** A fallback in code: besides what a file can say, any value, and a function of the error and of the wrapped function's arguments. */
export type FallbackSettings = Omit<FallbackOptions, 'value'> & {
  value?: unknown;
  run?: (error: unknown, ...args: any[]) => unknown;
};

interface Shown {
  cache?: CacheConfig;
  fallback?: { value?: unknown };
  retry?: object;
  timeout?: { idle?: string; deadline?: string };
  max_keys: number;
}

export class Shape {
  store: Store | undefined = undefined;
  /** The limit of the gaps of a stream, in nanoseconds. */
  idle = Infinity;
  /** Of the whole call, in nanoseconds. */
  deadline = Infinity;
  /** After the first attempt there may be more: another one, or a fallback. */
  again = false;
  value: unknown = undefined;
  maxKeys = 1;
  /** The number of changes that it is of; none is -1. */
  private seen = -1;

  constructor(
    private readonly native: NativePolicy,
    private readonly registry: NativeRegistry,
    private readonly fallback: FallbackSettings,
  ) {}

  /** As the settings in force have it. */
  current(): this {
    if (this.seen !== changes[0]) this.renew();
    return this;
  }

  private renew(): void {
    this.seen = changes[0]!;
    const config = JSON.parse(this.native.config()) as Shown;
    if (config.cache === undefined) this.store = undefined;
    else (this.store ??= new Store(this.registry)).configure(config.cache);
    this.idle = config.timeout?.idle ? nanosOf(config.timeout.idle) : Infinity;
    this.deadline = config.timeout?.deadline ? nanosOf(config.timeout.deadline) : Infinity;
    this.again = (config.retry ?? config.fallback) !== undefined;
    this.value = 'value' in this.fallback ? this.fallback.value : config.fallback?.value;
    this.maxKeys = config.max_keys;
  }
}
