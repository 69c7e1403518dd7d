// Places of a bulkhead that this thread takes and puts back by itself; `core/src/bulkhead/loan.rs` says how.
import { hot } from './hot.js';
import { wake } from './wait.js';

/** Where there is no shared memory: nothing is ever in it. */
const NOTHING = new ArrayBuffer(0);

const UNUSED = 0;
const RECALLED = 4;
/** Of the same words as numbers of 64 bits. */
const CALLED = 1;

export class Loan {
  private readonly words: Int32Array;
  private readonly reals: Float64Array;

  constructor(readonly number: number) {
    const buffer = hot.loan(number) ?? NOTHING;
    this.words = new Int32Array(buffer);
    this.reals = new Float64Array(buffer);
  }

  /** Whether a place is to go back as its call ends; in host scope always. */
  get recalled(): boolean {
    return this.words[RECALLED] !== 0;
  }

  /** A place for a call, if one lies unused. */
  take(): boolean {
    const { words } = this;
    const unused = words[UNUSED]!;
    // Of memory that is gone nothing is more than 0.
    if (!(unused > 0) || Atomics.compareExchange(words, UNUSED, unused, unused - 1) !== unused) return false;
    this.reals[CALLED]!++;
    return true;
  }

  /** The call is over. */
  put(): void {
    const { words } = this;
    if (words.length === 0) return this.handBack(1);
    Atomics.add(words, UNUSED, 1);
    if (Atomics.load(words, RECALLED) !== 0) this.handBack(0);
  }

  private handBack(more: number): void {
    if (hot.handBack(this.number, more) !== 0) wakeStranded();
  }
}

/** Wakes those whose tickets the core has kept for it. */
export function wakeStranded(): void {
  wake(JSON.parse(hot.stranded(0)) as number[]);
}
