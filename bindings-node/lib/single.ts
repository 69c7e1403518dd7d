// Policies of one part, by the part's own options.
import type { Judging } from './classify.js';
import type { BreakerOptions, BulkheadOptions, RetryOptions, TimeoutOptions } from './generated/config.js';
import type { Hooks } from './options.js';
import { policy, type Policy, type PolicySettings } from './policy.js';
import type { FallbackSettings } from './shape.js';

type With = Hooks & Judging & Pick<PolicySettings, 'name'>;

export function circuitBreaker(options: BreakerOptions = {}, more: With = {}): Policy {
  return policy({ ...more, breaker: options });
}
export function retry(options: RetryOptions = {}, more: With = {}): Policy {
  return policy({ ...more, retry: options });
}
export function timeout(options: TimeoutOptions, more: With = {}): Policy {
  return policy({ ...more, timeout: options });
}
export function bulkhead(options: BulkheadOptions = {}, more: With = {}): Policy {
  return policy({ ...more, bulkhead: options });
}
export function fallback(options: FallbackSettings, more: With = {}): Policy {
  return policy({ ...more, fallback: options });
}
/** Answers `value` [true] where the dependency cannot be asked. */
export function failOpen(value: unknown = true, more: With = {}): Policy {
  return fallback({ value }, more);
}
/** Answers `value` [false] where the dependency cannot be asked. */
export function failClosed(value: unknown = false, more: With = {}): Policy {
  return fallback({ value }, more);
}

/** A standard decorator: the method runs under the policy. */
export function protect(by: Pick<Policy, 'wrap'>) {
  return function <This, A extends unknown[], R>(
    method: (this: This, ...args: A) => Promise<R>,
    _context: ClassMethodDecoratorContext<This>,
  ): (this: This, ...args: A) => Promise<R> {
    return by.wrap(method as (...args: A) => Promise<R>) as (this: This, ...args: A) => Promise<R>;
  };
}
