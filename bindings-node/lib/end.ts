// How an attempt ended, and what that is judged to be.
import { judgedError, judgedValue, SUCCESS, type Judged } from './classify.js';
import { hot } from './hot.js';
import type { Driven } from './options.js';

/** What the last attempt, or the fallback, came to. */
export const enum How { Nothing, Value, Error }

export function judge(policy: Driven, how: How, last: unknown): Judged {
  if (how === How.Error) return judgedError(policy, last, policy.registry);
  if (policy.classify === undefined && (typeof last !== 'object' || last === null)) return SUCCESS;
  return judgedValue(policy, last, policy.registry);
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    value instanceof Promise ||
    (typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function')
  );
}

/** Classes of errors, by the numbers that the core was told them by. */
const types = new Map<string, number>();
const MOST_TYPES = 1000;
let lastType: string | undefined;
let lastNumber = NaN;

/** The class of an error, for the metrics; NaN is none. */
export function typeOf(how: How, last: unknown): number {
  if (how !== How.Error || !(last instanceof Error)) return NaN;
  let name = 'Error';
  try {
    name = String(last.name);
  } catch {}
  if (name === lastType) return lastNumber;
  // Names that are made up for each error are one.
  let number = types.get(name) ?? types.get((name = types.size < MOST_TYPES ? name : 'other'));
  if (number === undefined) types.set(name, (number = hot.errorType(name)));
  lastType = name;
  return (lastNumber = number);
}
