// The private addon and the shapes of its classes. Lengths of time are nanoseconds.
import { createRequire } from 'node:module';

export interface NativePass { readonly permit: bigint; readonly started: bigint }
export interface Taken { permit?: bigint; ticket?: number; left?: number; refusal?: string }

export interface Step {
  kind: 'run' | 'wait' | 'queue' | 'look_up' | 'fall_back' | 'finish';
  attempt?: number;
  span?: number;
  outcome?: number;
  ticket?: number;
  stale?: boolean;
  index?: number;
  link?: Link;
  verdict?: Verdict;
  wakes: number[];
}

export type Link = 'value' | 'function' | 'cached' | 'stale' | 'empty' | 'fail_open' | 'fail_closed';
export type Verdict =
  | 'settle' | 'cached' | 'stale' | 'fell_back' | 'refused' | 'timed_out' | 'deadline_exceeded' | 'cancelled';

export interface NativeCall {
  start(): Step;
  done(attempt: number, outcome: number, hint?: number | null): Step;
  expire(attempt: number): Step;
  woke(): Step;
  cancelled(byDeadline: boolean): Step;
  lookedUp(hit: boolean): Step;
  fellBack(ok: boolean): Step;
  commit(): void;
  errorType(name: string): void;
  settleCost(actual: string): void;
  readonly attempts: number;
  readonly elapsed: number;
  readonly remaining: number | null;
  readonly reason: string | null;
  readonly refusal: string | null;
  readonly lastOutcome: string | null;
  readonly shouldStore: boolean;
  readonly shouldForget: boolean;
  readonly slow: number | null;
}

export interface NativeSchedule {
  next(outcome: number, hint?: number | null, elapsed?: number | null): { delay?: number; stop?: string };
}

export interface NativeReservation { readonly refusal: string | null; settle(actual: string): void; giveBack(): void }

export interface NativePolicy {
  readonly id: number;
  readonly name: string | null;
  readonly state: string | null;
  config(): string;
  snapshot(): string;
  at(key: string): NativePolicy;
  pass(): NativePass | null;
  succeed(pass: NativePass): boolean;
  call(deadline: number | null, cached: boolean, estimate: string | null): NativeCall;
  callAfterPass(pass: NativePass): NativeCall;
  acquire(): Taken;
  record(permit: bigint, outcome: number, took: number, hint?: number | null): void;
  control(to: string, amount: number): boolean;
  enter(maxWait?: number | null): Taken;
  poll(ticket: number): Taken;
  abandon(ticket: number): number[];
  leave(permit: bigint): number[];
  resize(limit: number): number[];
  schedule(): NativeSchedule | null;
  budgetBegin(): void;
  budgetEnd(): void;
  budgetWithdraw(outcome: number): number | null;
  budgetRetryEnd(cost: number): void;
  budgetSuccess(lastCost?: number | null): void;
  reserve(estimate: string): NativeReservation | null;
}

export interface NativeCursor { drain(): string[]; close(): void }

export interface NativeRegistry {
  policy(json: string, place: string): NativePolicy;
  named(name: string): NativePolicy;
  load(toml: string, source: string): void;
  loadPath(path: string): void;
  reload(): void;
  takeWakes(): number[];
  names(): string[];
  readonly enabled: boolean;
  setEnabled(enabled: boolean): void;
  now(): number;
  readonly isManual: boolean;
  advance(by: number): void;
  freeze(): void;
  thaw(): void;
  script(number: number): void;
  metrics(): string;
  tick(): void;
  internal(what: string): void;
  subscribe(): NativeCursor;
  operationTimeout(operation: string): number;
}

interface Addon {
  NativeRegistry: { global(): NativeRegistry; manual(seed: number, environment: [string, string][]): NativeRegistry };
  classifyStatus(status: number): number;
  classifyError(name: string): number | null;
  classifyTypeError(message: string, cause?: string | null): number;
  parseRetryAfter(text: string, unixNow: number): number | null;
}

export const native: Addon = createRequire(import.meta.url)('../../seawall.node') as Addon;

/** `SEAWALL_GATE=off`: always ask, never pass. */
export const gate = process.env['SEAWALL_GATE'] !== 'off';
