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
export const LOAN = 6;
export const KEEP = 7;
export const ADDRESS = 8;
export const PERMIT = 9;
export const STARTED = 10;
export const RETRY_AFTER = 11;
export const STATE = 12;
export const TALLY = 13;
export const ENDS_AT = 14;
export const LIMIT = 14;
export const MANUAL = 15;
const GIVEN = 16;
const ANSWER = 28;

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

/** What `admit` answers: step the call; it may run; calls of this policy are always stepped, or unless they pass. */
export const STEP = 0;
export const ADMITTED = 1;
export const NEVER = 2;
export const LIMITED = 3;

export const LINKS: readonly Link[] = ['value', 'function', 'cached', 'stale', 'empty', 'fail_open', 'fail_closed'];
export const VERDICTS: readonly Verdict[] = [
  'settle', 'cached', 'stale', 'fell_back', 'refused', 'timed_out', 'deadline_exceeded', 'cancelled',
];

/** Room outside of V8's heap, so that it never moves. */
export const mail = new Float64Array(new ArrayBuffer(29 * 8));
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
/** Something that is read rarely. */
function told<T>(cross: Raw): (a: number) => T {
  return (a) => {
    mail[GIVEN] = a;
    return cross() as T;
  };
}

/** What a call holds, in the places where all that end one expect it. */
function give(policy: number, permit: number, started: number): void {
  mail[GIVEN] = policy;
  mail[GIVEN + 1] = permit;
  mail[GIVEN + 2] = started;
}

const admit = raw['admit']!;
const dismiss = raw['dismiss']!;
const fail = raw['fail']!;
const succeed = raw['succeed']!;
const lapse = raw['lapse']!;
const open = raw['open']!;
const done = raw['done']!;
const settleCost = raw['settleCost']!;
const errorType = raw['errorType']!;

export const hot = {
  /** Whether the call may run without being stepped; what it holds is in the mailbox. */
  admit(policy: number): number {
    mail[GIVEN] = policy;
    admit();
    return mail[ANSWER]!;
  },
  /** An admitted call, or one that passed, has succeeded. Not 0: others are to be woken. */
  dismiss(policy: number, permit: number, started: number, loan: number): number {
    give(policy, permit, started);
    mail[GIVEN + 3] = loan;
    dismiss();
    return mail[ANSWER]!;
  },
  /** It has ended otherwise. `keep`: of a call that is over something else will be asked. */
  fail(policy: number, permit: number, started: number, committed: number, outcome: number, hint: number, keep: number, type: number, loan: number): Kind {
    give(policy, permit, started);
    mail[GIVEN + 3] = committed;
    mail[GIVEN + 4] = outcome;
    mail[GIVEN + 5] = hint;
    mail[GIVEN + 6] = keep;
    mail[GIVEN + 7] = type;
    mail[GIVEN + 8] = loan;
    fail();
    return mail[ANSWER]!;
  },
  /** A call under a limit has succeeded. */
  succeed(policy: number, permit: number, started: number): Kind {
    give(policy, permit, started);
    succeed();
    return mail[ANSWER]!;
  },
  /** Its time is over before it is. */
  lapse(policy: number, permit: number, started: number): Kind {
    give(policy, permit, started);
    lapse();
    return mail[ANSWER]!;
  },
  /** The number that reports name this class of errors by. */
  errorType(name: string): number {
    errorType(name);
    return mail[ANSWER]!;
  },
  /** What lies unused in a loan goes back, and so many more places. Not 0: others are to be woken. */
  handBack: two(raw['handBack']!),
  loan: told<ArrayBuffer | undefined>(raw['loan']!),
  /** The memory around the leased place of a loan; what it is like is in the mailbox. */
  desk: told<ArrayBuffer | undefined>(raw['desk']!),
  standing: told<ArrayBuffer | undefined>(raw['standing']!),
  /** The leased place was left in a cell whose life had ended. Not 0: others are to be woken. */
  leftLate: one(raw['leftLate']!),
  stranded: told<string>(raw['stranded']!),
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
  done(call: number, attempt: number, outcome: number, hint: number, keep: number, type: number): Kind {
    mail[GIVEN] = call;
    mail[GIVEN + 1] = attempt;
    mail[GIVEN + 2] = outcome;
    mail[GIVEN + 3] = hint;
    mail[GIVEN + 4] = keep;
    mail[GIVEN + 5] = type;
    done();
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
