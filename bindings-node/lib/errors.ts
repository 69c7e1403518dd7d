import type { CODES } from './generated/codes.js';

/** A stable code of everything that can go wrong, in upper case. */
export type ErrorCode = Uppercase<Exclude<keyof typeof CODES, 'ok'>>;

const brand = Symbol.for('seawall.error');

/** What every error of Seawall is. Test `code`, not the class: two copies of a package are normal. */
export class SeawallError extends Error {
  readonly code: ErrorCode;
  /** The policy's name, where it has one. */
  policy: string | undefined;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
  override get name(): string {
    return this.constructor.name;
  }
}

// On the prototype: an own property would cost each error more than all the rest of it.
Object.defineProperty(SeawallError.prototype, brand, { value: true });

/**
 * Makes an error without a stack: the stack of a refusal names only Seawall, and taking it costs
 * ten times the refusal. Where the limit cannot be set (frozen intrinsics), it has its stack.
 */
export function stackless<E>(make: () => E): E {
  const limit = Error.stackTraceLimit;
  if (typeof limit !== 'number') return make();
  try {
    Error.stackTraceLimit = 0;
  } catch {
    return make();
  }
  try {
    return make();
  } finally {
    Error.stackTraceLimit = limit;
  }
}

/** A policy did not let the call through. */
export class RejectedError extends SeawallError {
  /** When it is worth trying again, in milliseconds, where that is known. */
  retryAfterMs: number | undefined;
  used = 0;
  limit = 0;
}
export class CircuitOpenError extends RejectedError {
  /** `open`, `half_open` or `forced_open`. */
  state: string | undefined;
}
export class BulkheadFullError extends RejectedError {}
export class BulkheadTimeoutError extends RejectedError {}
export class CostExceededError extends RejectedError {
  /** The amount that was exceeded: `tokens`. */
  amount: string | undefined;
}

/** The state that the processes of this host share cannot be had, and the policy requires it. */
export class HostUnavailableError extends RejectedError {
  /** What is wrong with it, where, and what to do about it. */
  problem: string | undefined;
}

/** Time ran out. `limitMs` is the limit that was hit. */
export class TimedOutError extends SeawallError {
  limitMs = 0;
}
export class AttemptTimeoutError extends TimedOutError {}
export class DeadlineExceededError extends TimedOutError {}

/** Something is wrong with a configuration. `path` is a JSON pointer to it. */
export class ConfigError extends SeawallError {
  readonly path: string;
  readonly reason: string;
  /** What is wrong: `unknown_option`, `missing_unit`, … */
  readonly kind: string;
  readonly suggestion: string | undefined;
  readonly source: string | undefined;

  constructor(shown: { code: string; path: string; reason: string; suggestion?: string; source?: string; message: string }) {
    super('INVALID_CONFIG', shown.message);
    this.kind = shown.code;
    this.path = shown.path;
    this.reason = shown.reason;
    this.suggestion = shown.suggestion ?? undefined;
    this.source = shown.source ?? undefined;
  }
}

/** A part was asked for that the policy does not have, or something was used in a wrong way. */
export class MisuseError extends SeawallError {}

/** Whether a value is an error of Seawall, from whichever copy of the package. */
export function isSeawallError(value: unknown): value is SeawallError {
  return typeof value === 'object' && value !== null && brand in value;
}

/** A refusal as the core shows it. */
export interface Refusal {
  code: string;
  message: string;
  state: string | null;
  retry_after_ns: number | null;
  used: number;
  limit: number;
  amount: string | null;
  problem: string | null;
}

type Dress = (refusal: Refusal) => SeawallError;
const rejected = (make: new (code: ErrorCode, message: string) => RejectedError): Dress => (refusal) => {
  const error = new make(refusal.code.toUpperCase() as ErrorCode, refusal.message);
  error.retryAfterMs = refusal.retry_after_ns === null ? undefined : refusal.retry_after_ns / 1e6;
  error.used = refusal.used;
  error.limit = refusal.limit;
  if (error instanceof CircuitOpenError) error.state = refusal.state ?? undefined;
  if (error instanceof CostExceededError) error.amount = refusal.amount ?? undefined;
  if (error instanceof HostUnavailableError) error.problem = refusal.problem ?? undefined;
  return error;
};
const timedOut = (make: new (code: ErrorCode, message: string) => TimedOutError): Dress => (refusal) => {
  const error = new make(refusal.code.toUpperCase() as ErrorCode, refusal.message);
  error.limitMs = refusal.limit / 1e6;
  return error;
};
const misused: Dress = (refusal) => new MisuseError(refusal.code.toUpperCase() as ErrorCode, refusal.message);

/** The class of each code that a refusal can carry. */
export const REFUSALS: Readonly<Record<string, Dress>> = {
  circuit_open: rejected(CircuitOpenError),
  bulkhead_full: rejected(BulkheadFullError),
  bulkhead_timeout: rejected(BulkheadTimeoutError),
  cost_exceeded: rejected(CostExceededError),
  host_unavailable: rejected(HostUnavailableError),
  attempt_timeout: timedOut(AttemptTimeoutError),
  deadline_exceeded: timedOut(DeadlineExceededError),
};

/** The core's refusal as an error. */
export function dress(refusal: Refusal, policy: string | null, cause?: unknown): SeawallError {
  const message = worded(policy, refusal.message);
  const error = stackless(() => (REFUSALS[refusal.code] ?? misused)({ ...refusal, message }));
  error.policy = policy ?? undefined;
  if (cause !== undefined) error.cause = cause;
  return error;
}

function worded(policy: string | null, message: string): string {
  return policy === null ? message : `${policy}: ${message}`;
}

/** The rejection of an open circuit, as often as it comes. */
export function circuitOpen(policy: string | null, words: string, state: string | undefined, retryAfterMs: number | undefined): CircuitOpenError {
  const error = stackless(() => new CircuitOpenError('CIRCUIT_OPEN', worded(policy, words)));
  error.policy = policy ?? undefined;
  error.state = state;
  error.retryAfterMs = retryAfterMs;
  return error;
}

/** The same, from its JSON. */
export function dressed(json: string, policy: string | null): SeawallError {
  return dress(JSON.parse(json) as Refusal, policy);
}

/** Runs a step of construction; the core's configuration error comes out as a `ConfigError`. */
export function configuring<T>(build: () => T): T {
  try {
    return build();
  } catch (error) {
    const text = error instanceof Error ? error.message : '';
    if (!text.startsWith('{')) throw error;
    throw new ConfigError(JSON.parse(text));
  }
}

/** What something that was thrown says of itself, which it may throw at. */
export function wordsOf(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return 'something that has no words';
  }
}
