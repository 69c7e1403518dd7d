// What a protected call crosses into the core with: functions of numbers. Policies and calls are
// numbers, lengths of time nanoseconds, NaN is none. Whatever an answer does not hold is in `mail`;
// it is read before anything of a user runs, which may cross again.
import { native, type Link, type Verdict } from './native.js';

/** The places of the mailbox; `src/hot.rs` has the same list. */
export const CALL = 0;
export const ATTEMPT = 1;
export const SPAN = 2;
export const WHAT = 3;
export const INDEX = 4;
export const WAKES = 5;
export const SLOW = 6;
export const KEEP = 7;
export const ADDRESS = 8;
export const PERMIT = 9;
export const STARTED = 10;
export const RETRY_AFTER = 11;
export const STATE = 12;
export const TALLY = 13;
export const ENDS_AT = 14;
export const MANUAL = 15;

/** What a step asks for; nothing at all is a fault of ours. */
export type Kind = number | undefined;
export const RUN = 0;
export const WAIT = 1;
export const QUEUE = 2;
export const LOOK_UP = 3;
export const FALL_BACK = 4;
export const FINISH = 5;
/** The call ended as its last attempt did, and is released. */
export const OVER = 6;

/** What `pass` answers: step the call; it passes; it was asked for; calls of this policy are stepped. */
export const STEP = 0;
export const PASS = 1;
export const ASKED = 2;
export const NEVER = 3;

export const LINKS: readonly Link[] = ['value', 'function', 'cached', 'stale', 'empty', 'fail_open', 'fail_closed'];
export const VERDICTS: readonly Verdict[] = [
  'settle', 'cached', 'stale', 'fell_back', 'refused', 'timed_out', 'deadline_exceeded', 'cancelled',
];

interface Hot {
  /** Whether the call may run without being stepped; permit and start are in the mailbox. */
  pass(policy: number): number | undefined;
  succeed(policy: number, permit: number, started: number): void;
  succeedAsked(policy: number, permit: number, started: number): void;
  view(policy: number): ArrayBuffer | undefined;
  /** The words of a rejection that nothing could change, its numbers in the mailbox. */
  refuse(policy: number): string | undefined;
  open(policy: number, deadline: number, cached: number, estimate?: string): Kind;
  /** `keep`: of a call that is over something else will be asked. */
  afterPass(policy: number, permit: number, started: number, committed: number, outcome: number, hint: number, keep: number, errorType?: string): Kind;
  done(call: number, attempt: number, outcome: number, hint: number, keep: number, errorType?: string): Kind;
  expire(call: number, attempt: number): Kind;
  woke(call: number): Kind;
  cancelled(call: number, byDeadline: number): Kind;
  lookedUp(call: number, hit: number): Kind;
  fellBack(call: number, ok: number): Kind;
  commit(call: number): void;
  settleCost(call: number, actual: string): void;
  remaining(call: number): number;
  wakes(call: number): string;
  info(call: number): string | undefined;
  release(call: number): void;
}

/** Room outside of V8's heap, so that it never moves. */
export const mail = new Float64Array(new ArrayBuffer(16 * 8));
/** Rises when any thread changed settings or the off switch. */
export const changes = new Uint32Array(new ArrayBuffer(8));
export const hot = native.hot(mail, changes) as Hot;

/** `SEAWALL_GATE=off`: always ask, never pass. */
export const gateIsOn = process.env['SEAWALL_GATE'] !== 'off';
