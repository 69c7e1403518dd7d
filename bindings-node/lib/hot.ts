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
const GIVEN = 16;
const ANSWER = 24;

/** What a step asks for; NaN is a fault of ours. */
export type Kind = number;
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

/** Room outside of V8's heap, so that it never moves. */
export const mail = new Float64Array(new ArrayBuffer(25 * 8));
/** Rises when any thread changed settings or the off switch. */
export const changes = new Uint32Array(new ArrayBuffer(8));

/** What crosses: numbers by mail, at most one text by hand. */
type Raw = (text?: string) => any;
const raw = native.hot(mail, changes) as Readonly<Record<string, Raw>>;

function one(cross: Raw): (a: number) => number {
  return (a) => {
    mail[GIVEN] = a;
    cross();
    return mail[ANSWER]!;
  };
}
function two(cross: Raw): (a: number, b: number) => number {
  return (a, b) => {
    mail[GIVEN] = a;
    mail[GIVEN + 1] = b;
    cross();
    return mail[ANSWER]!;
  };
}
/** A report of a success under a pass. */
function report(cross: Raw): (policy: number, permit: number, started: number) => void {
  return (policy, permit, started) => {
    mail[GIVEN] = policy;
    mail[GIVEN + 1] = permit;
    mail[GIVEN + 2] = started;
    cross();
  };
}
/** Something that is read rarely. */
function told<T>(cross: Raw): (a: number) => T {
  return (a) => {
    mail[GIVEN] = a;
    return cross() as T;
  };
}

const pass = raw['pass']!;
const open = raw['open']!;
const done = raw['done']!;
const afterPass = raw['afterPass']!;
const settleCost = raw['settleCost']!;

export const hot = {
  /** Whether the call may run without being stepped; permit and start are in the mailbox. */
  pass(policy: number): number {
    mail[GIVEN] = policy;
    pass();
    return mail[ANSWER]!;
  },
  succeed: report(raw['succeed']!),
  succeedAsked: report(raw['succeedAsked']!),
  view: told<ArrayBuffer | undefined>(raw['view']!),
  /** The words of a rejection that nothing could change, its numbers in the mailbox. */
  refuse: told<string | undefined>(raw['refuse']!),
  open(policy: number, deadline: number, cached: number, estimate: string | undefined): Kind {
    mail[GIVEN] = policy;
    mail[GIVEN + 1] = deadline;
    mail[GIVEN + 2] = cached;
    if (estimate === undefined) open();
    else open(estimate);
    return mail[ANSWER]!;
  },
  /** `keep`: of a call that is over something else will be asked. */
  afterPass(policy: number, permit: number, started: number, committed: number, outcome: number, hint: number, keep: number, errorType: string | undefined): Kind {
    mail[GIVEN] = policy;
    mail[GIVEN + 1] = permit;
    mail[GIVEN + 2] = started;
    mail[GIVEN + 3] = committed;
    mail[GIVEN + 4] = outcome;
    mail[GIVEN + 5] = hint;
    mail[GIVEN + 6] = keep;
    if (errorType === undefined) afterPass();
    else afterPass(errorType);
    return mail[ANSWER]!;
  },
  done(call: number, attempt: number, outcome: number, hint: number, keep: number, errorType: string | undefined): Kind {
    mail[GIVEN] = call;
    mail[GIVEN + 1] = attempt;
    mail[GIVEN + 2] = outcome;
    mail[GIVEN + 3] = hint;
    mail[GIVEN + 4] = keep;
    if (errorType === undefined) done();
    else done(errorType);
    return mail[ANSWER]!;
  },
  expire: two(raw['expire']!),
  woke: one(raw['woke']!),
  cancelled: two(raw['cancelled']!),
  lookedUp: two(raw['lookedUp']!),
  fellBack: two(raw['fellBack']!),
  commit: one(raw['commit']!),
  settleCost(call: number, actual: string): void {
    mail[GIVEN] = call;
    settleCost(actual);
  },
  remaining: one(raw['remaining']!),
  wakes: told<string>(raw['wakes']!),
  info: told<string | undefined>(raw['info']!),
  release: one(raw['release']!),
};

/** `SEAWALL_GATE=off`: always ask, never pass. */
export const gateIsOn = process.env['SEAWALL_GATE'] !== 'off';
