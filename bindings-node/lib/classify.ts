import { OUTCOMES } from './generated/codes.js';
import { isSeawallError, RejectedError, wordsOf } from './errors.js';
import { native, type NativeRegistry } from './native.js';

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

const JUDGED = Object.fromEntries(NAMES.map((outcome) => [outcome, { outcome }])) as Record<Outcome, Judged>;
export const SUCCESS = JUDGED.success;
const FAILURE = JUDGED.failure;

/** Hears of classifiers that threw. */
type Tell = Pick<NativeRegistry, 'internal'>;

/** The outcome of a value. What throws here has not judged, and is told to `tell`. */
export function judgedValue(by: Judging, value: unknown, tell: Tell): Judged {
  const own = by.classify === undefined ? undefined : judged(by.classify, undefined, value, tell);
  if (own !== undefined) return own;
  try {
    return judgeValue(value);
  } catch (error) {
    threw(error, tell);
    return SUCCESS;
  }
}

/** The outcome of an error: the user's function, the user's lists, the tables. */
export function judgedError(by: Judging, error: unknown, tell: Tell): Judged {
  const own = by.classify === undefined ? undefined : judged(by.classify, error, undefined, tell);
  if (own !== undefined) return own;
  if (by.exclude !== undefined || by.include !== undefined) {
    try {
      const its = listed(by, error);
      if (its !== undefined) return its;
    } catch (error) {
      threw(error, tell);
    }
  }
  try {
    return judgeError(error);
  } catch (error) {
    threw(error, tell);
    return FAILURE;
  }
}

function judged(classify: Classify, error: unknown, value: unknown, tell: Tell): Judged | undefined {
  let own: unknown;
  try {
    own = classify(error, value);
  } catch (error) {
    threw(error, tell);
  }
  if (own === undefined) return undefined;
  const { outcome, retryAfterMs } = (typeof own === 'object' && own !== null ? own : { outcome: own }) as Judged;
  const hint = retryAfterMs === undefined || (typeof retryAfterMs === 'number' && !Number.isNaN(retryAfterMs));
  if (Object.hasOwn(OUTCOMES, outcome) && hint) return { outcome, retryAfterMs };
  tell.internal(`a classifier answered what is no outcome: ${wordsOf(outcome)}, retry after ${wordsOf(retryAfterMs)}`);
  return undefined;
}

function threw(error: unknown, tell: Tell): void {
  tell.internal(`a classifier threw: ${wordsOf(error)}`);
}

function listed(by: Judging, error: unknown): Judged | undefined {
  if (by.exclude?.some((match) => matches(match, error))) return JUDGED.ignored;
  if (by.include === undefined || by.include.length === 0) return undefined;
  if (!by.include.some((match) => matches(match, error))) return JUDGED.ignored;
  const retryAfterMs = hintOf((error as { response?: unknown } | undefined)?.response ?? error);
  return retryAfterMs === undefined ? FAILURE : { outcome: 'failure', retryAfterMs };
}

function matches(match: ErrorMatch, error: unknown): boolean {
  if (typeof match === 'function') return error instanceof match;
  const shape = error as { code?: unknown; name?: unknown } | null | undefined;
  return shape?.code === match || shape?.name === match;
}

/** A value that is a response is judged by its status; any other value is a success. */
function judgeValue(value: unknown): Judged {
  const status = statusOf(value);
  if (status === undefined) return SUCCESS;
  const outcome = byStatus(status);
  const retryAfterMs = hintOf(value);
  return retryAfterMs === undefined ? JUDGED[outcome] : { outcome, retryAfterMs };
}

/** An error is judged by the tables of the core; one that nobody knows is a failure. */
function judgeError(error: unknown): Judged {
  if (isSeawallError(error)) {
    if (error instanceof RejectedError || 'retryAfterMs' in error) {
      const retryAfterMs = (error as RejectedError).retryAfterMs;
      return retryAfterMs === undefined ? JUDGED.refused : { outcome: 'refused', retryAfterMs };
    }
    return JUDGED.timeout;
  }
  if (!(error instanceof Error)) return FAILURE;
  const status = statusOf(error) ?? statusOf((error as { response?: unknown }).response);
  if (status !== undefined) return judgeValue((error as { response?: unknown }).response ?? error);
  const code = (error as { code?: unknown }).code;
  if (error.name === 'TypeError') {
    const cause = error.cause as { code?: unknown; name?: unknown } | undefined;
    const name = typeof cause?.code === 'string' ? cause.code : typeof cause?.name === 'string' ? cause.name : null;
    return { outcome: judgedBy(native.classifyTypeError(error.message, name)) };
  }
  return JUDGED[(typeof code === 'string' ? byName(code) : null) ?? byName(error.name) ?? 'failure'];
}
