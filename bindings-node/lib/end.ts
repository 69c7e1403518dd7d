// How an attempt ended, and what that is judged to be.
import { judgedError, judgedValue, SUCCESS, type Judged } from './classify.js';
import type { Driven } from './options.js';

/** What the last attempt, or the fallback, came to. */
export const enum How { Nothing, Value, Error }

export function judge(policy: Driven, how: How, last: unknown): Judged {
  if (how === How.Value && policy.classify === undefined && (typeof last !== 'object' || last === null)) return SUCCESS;
  const report = (what: string) => policy.registry.internal(what);
  return how === How.Error ? judgedError(policy, last, report) : judgedValue(policy, last, report);
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    value instanceof Promise ||
    (typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function')
  );
}

/** The class of an error, for the metrics. */
export function nameOf(how: How, last: unknown): string | undefined {
  if (how !== How.Error || !(last instanceof Error)) return undefined;
  try {
    return String(last.name);
  } catch {
    return 'Error';
  }
}
