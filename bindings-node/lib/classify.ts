import { OUTCOMES } from './generated/codes.js';
import { isSeawallError, RejectedError } from './errors.js';
import { native } from './native.js';

/** How an attempt ends. */
export type Outcome = keyof typeof OUTCOMES;

/** What an attempt came to: an outcome, and the server's wish in milliseconds (negative: never). */
export interface Judged { outcome: Outcome; retryAfterMs?: number }

/** Errors by their class, or by their `code` or `name`. */
export type ErrorMatch = (abstract new (...args: never[]) => unknown) | string;

/** What of an attempt's end the user judges, before the tables do. */
export interface Judging {
  classify?: Classify;
  /** Only these errors count, as failures; all others are ignored. */
  include?: readonly ErrorMatch[];
  /** These errors are ignored. */
  exclude?: readonly ErrorMatch[];
}

/** A user's own judgement of an error or a value; `undefined` leaves it to the tables. */
export type Classify = (error: unknown, value: unknown) => Outcome | Judged | undefined;

const NAMES = Object.keys(OUTCOMES) as Outcome[];

function judgedBy(number: number): Outcome {
  return NAMES[number] ?? 'failure';
}

/** What the tables of the core say, asked once for each name and status. */
const named = new Map<string, Outcome | null>();
const statuses: (Outcome | undefined)[] = [];
/** Names that are made up for each error are asked for anew. */
const MOST_NAMES = 1000;

function byName(name: string): Outcome | null {
  let known = named.get(name);
  if (known === undefined) {
    const number = native.classifyError(name);
    known = number === null ? null : judgedBy(number);
    if (named.size < MOST_NAMES) named.set(name, known);
  }
  return known;
}

function byStatus(status: number): Outcome {
  return (statuses[status] ??= judgedBy(native.classifyStatus(status)));
}

function statusOf(value: unknown): number | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const shape = value as { status?: unknown; statusCode?: unknown };
  const status = shape.status ?? shape.statusCode;
  return typeof status === 'number' && status >= 100 && status <= 599 ? status : undefined;
}

function hintOf(value: unknown): number | undefined {
  const headers = (value as { headers?: unknown } | null)?.headers;
  if (typeof headers !== 'object' || headers === null) return undefined;
  const get = (headers as { get?: unknown }).get;
  const text = typeof get === 'function' ? get.call(headers, 'retry-after') : (headers as Record<string, unknown>)['retry-after'];
  if (typeof text !== 'string') return undefined;
  const nanos = native.parseRetryAfter(text, Math.floor(Date.now() / 1000));
  return nanos === null ? undefined : nanos / 1e6;
}

export const SUCCESS: Judged = { outcome: 'success' };

/** The outcome of a value. What throws here has not judged, and is told to `report`. */
export function judgedValue(by: Judging, value: unknown, report: (what: string) => void): Judged {
  return judged(by, undefined, value, report) ?? guarded(() => judgeValue(value), report) ?? SUCCESS;
}

/** The outcome of an error: the user's function, the user's lists, the tables. */
export function judgedError(by: Judging, error: unknown, report: (what: string) => void): Judged {
  const own = judged(by, error, undefined, report) ?? guarded(() => listed(by, error), report);
  return own ?? guarded(() => judgeError(error), report) ?? { outcome: 'failure' };
}

function judged(by: Judging, error: unknown, value: unknown, report: (what: string) => void): Judged | undefined {
  const own: unknown = by.classify === undefined ? undefined : guarded(() => by.classify?.(error, value), report);
  if (own === undefined) return undefined;
  const { outcome, retryAfterMs } = (typeof own === 'object' && own !== null ? own : { outcome: own }) as Judged;
  const hint = retryAfterMs === undefined || (typeof retryAfterMs === 'number' && !Number.isNaN(retryAfterMs));
  if (Object.hasOwn(OUTCOMES, outcome) && hint) return { outcome, retryAfterMs };
  report(`a classifier answered what is no outcome: ${String(outcome)}, retry after ${String(retryAfterMs)}`);
  return undefined;
}

function guarded<T>(judge: () => T, report: (what: string) => void): T | undefined {
  try {
    return judge();
  } catch (error) {
    report(`a classifier threw: ${String(error)}`);
    return undefined;
  }
}

function listed(by: Judging, error: unknown): Judged | undefined {
  if (by.exclude?.some((match) => matches(match, error))) return { outcome: 'ignored' };
  if (by.include === undefined || by.include.length === 0) return undefined;
  if (!by.include.some((match) => matches(match, error))) return { outcome: 'ignored' };
  const retryAfterMs = hintOf((error as { response?: unknown } | undefined)?.response ?? error);
  return retryAfterMs === undefined ? { outcome: 'failure' } : { outcome: 'failure', retryAfterMs };
}

function matches(match: ErrorMatch, error: unknown): boolean {
  if (typeof match === 'function') return error instanceof match;
  const shape = error as { code?: unknown; name?: unknown } | null | undefined;
  return shape?.code === match || shape?.name === match;
}

/** A value that is a response is judged by its status; any other value is a success. */
function judgeValue(value: unknown): Judged {
  const status = statusOf(value);
  if (status === undefined) return { outcome: 'success' };
  const outcome = byStatus(status);
  const retryAfterMs = hintOf(value);
  return retryAfterMs === undefined ? { outcome } : { outcome, retryAfterMs };
}

/** An error is judged by the tables of the core; one that nobody knows is a failure. */
function judgeError(error: unknown): Judged {
  if (isSeawallError(error)) {
    if (error instanceof RejectedError || 'retryAfterMs' in error) {
      const retryAfterMs = (error as RejectedError).retryAfterMs;
      return retryAfterMs === undefined ? { outcome: 'refused' } : { outcome: 'refused', retryAfterMs };
    }
    return { outcome: 'timeout' };
  }
  if (!(error instanceof Error)) return { outcome: 'failure' };
  const status = statusOf(error) ?? statusOf((error as { response?: unknown }).response);
  if (status !== undefined) return judgeValue((error as { response?: unknown }).response ?? error);
  const code = (error as { code?: unknown }).code;
  if (error.name === 'TypeError') {
    const cause = error.cause as { code?: unknown; name?: unknown } | undefined;
    const name = typeof cause?.code === 'string' ? cause.code : typeof cause?.name === 'string' ? cause.name : null;
    return { outcome: judgedBy(native.classifyTypeError(error.message, name)) };
  }
  return { outcome: (typeof code === 'string' ? byName(code) : null) ?? byName(error.name) ?? 'failure' };
}
