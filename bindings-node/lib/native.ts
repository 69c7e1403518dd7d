// The private addon and the shapes of its classes. Lengths of time are nanoseconds.
export interface Taken { permit?: bigint; ticket?: number; left?: number; refusal?: string }

export type Link = 'value' | 'function' | 'cached' | 'stale' | 'empty' | 'fail_open' | 'fail_closed';
export type Verdict =
  | 'settle' | 'cached' | 'stale' | 'fell_back' | 'refused' | 'timed_out' | 'deadline_exceeded' | 'cancelled';

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
  readonly lacksRoom: boolean;
  slot(): number;
  park(): void;
  lacks(part: string): string;
  acquire(): Taken;
  record(permit: bigint, outcome: number, took: number, hint?: number | null): void;
  control(to: string, amount: number): boolean;
  enter(maxWait?: number | null): Taken;
  poll(ticket: number): Taken;
  abandon(ticket: number): number[];
  leave(permit: bigint): number[];
  resize(limit: number): number[] | null;
  schedule(): NativeSchedule | null;
  readonly hasBudget: boolean;
  budgetBegin(): void;
  budgetEnd(): void;
  budgetWithdraw(outcome: number): number | null;
  budgetRetryEnd(cost: number): void;
  budgetSuccess(lastCost?: number | null): void;
  reserve(estimate: string): NativeReservation;
}

export interface NativeCursor { drain(): string[]; close(): void }

export interface NativeRegistry {
  policy(json: string, place: string): NativePolicy;
  named(name: string): NativePolicy;
  load(toml: string, source: string): void;
  loadPath(path: string): void;
  reload(): void;
  takeWakes(): number[];
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
}

interface Addon {
  NativeRegistry: { global(): NativeRegistry; manual(seed: number, environment: [string, string][]): NativeRegistry };
  hot(mail: Float64Array, changes: Uint32Array): unknown;
  refuseBuffers(refuse: boolean): void;
  classifyStatus(status: number): number;
  classifyError(name: string): number | null;
  classifyTypeError(message: string, cause?: string | null): number;
  parseRetryAfter(text: string, unixNow: number): number | null;
}

// As `require` does in the end, without all that it looks at before.
const addon = { exports: {} };
process.dlopen(addon, `${import.meta.dirname}/../../seawall.node`);
export const native = addon.exports as Addon;
