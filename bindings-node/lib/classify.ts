import { OUTCOMES } from './generated/codes.js';
import { isSeawallError, RejectedError } from './errors.js';
import { native } from './native.js';

/** How an attempt ends. */
export type Outcome = keyof typeof OUTCOMES;

/** What an attempt came to: an outcome, and the server's wish in milliseconds (negative: never). */
export interface Judged { outcome: Outcome; retryAfterMs?: number }

/** A user's own judgement of an error or a value; `undefined` leaves it to the tables. */
export type Classify = (error: unknown, value: unknown) => Outcome | Judged | undefined;

const NAMES = Object.keys(OUTCOMES) as Outcome[];

function judgedBy(number: number): Outcome {
  return NAMES[number] ?? 'failure';
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

/** A value that is a response is judged by its status; any other value is a success. */
export function judgeValue(value: unknown): Judged {
  const status = statusOf(value);
  if (status === undefined) return { outcome: 'success' };
  const outcome = judgedBy(native.classifyStatus(status));
  const retryAfterMs = hintOf(value);
  return retryAfterMs === undefined ? { outcome } : { outcome, retryAfterMs };
}

/** An error is judged by the tables of the core; one that nobody knows is a failure. */
export function judgeError(error: unknown): Judged {
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
  const known = (typeof code === 'string' ? native.classifyError(code) : null) ?? native.classifyError(error.name);
  if (known !== null) return { outcome: judgedBy(known) };
  return { outcome: 'failure' };
}
