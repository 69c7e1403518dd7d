// Places of a bulkhead that this thread takes and puts back by itself; `core/src/bulkhead/loan.rs` says how,
// and `core/src/bulkhead/door/lease.rs` where processes share it.
import { hot, mail } from './hot.js';
import { wake } from './wait.js';

/** Where there is no shared memory: nothing is ever in it. */
const NOTHING = new ArrayBuffer(0);

// The words of a loan, as numbers of 32 bits.
const UNUSED = 0;
const RECALLED = 4;
const LENT = 6;
/** What `RECALLED` is while a leased loan is not; without a lease it is 0. */
const LEASED = 4;
/** Of the same words as numbers of 64 bits. */
const CALLED = 1;

export class Loan {
  private readonly words: Int32Array;
  private readonly reals: Float64Array;
  private readonly desk: Desk | undefined;

  constructor(readonly number: number) {
    const buffer = hot.loan(number) ?? NOTHING;
    this.words = new Int32Array(buffer);
    this.reals = new Float64Array(buffer);
    this.desk = buffer === NOTHING ? undefined : Desk.of(number);
  }

  /** Whether a place is to go back as its call ends; in host scope always, but for one that is leased. */
  get recalled(): boolean {
    return this.words[RECALLED] !== (this.desk === undefined ? 0 : LEASED);
  }

  /** A place for a call, if one lies unused. */
  take(): boolean {
    const { words, desk } = this;
    if (desk !== undefined) return this.takeAt(desk);
    const unused = words[UNUSED]!;
    // Of memory that is gone nothing is more than 0.
    if (!(unused > 0) || Atomics.compareExchange(words, UNUSED, unused, unused - 1) !== unused) return false;
    this.reals[CALLED]!++;
    return true;
  }

  /** The call is over. */
  put(): void {
    const { words, desk } = this;
    if (desk !== undefined) return this.putAt(desk);
    if (words.length === 0) return this.handBack(1);
    Atomics.add(words, UNUSED, 1);
    // A plain look does not pass an exchange either; one by `Atomics` would take as long as that.
    if (words[RECALLED] !== 0) this.handBack(0);
  }

  private takeAt(desk: Desk): boolean {
    const { words } = this;
    if (words[RECALLED] !== LEASED || !desk.isLet() || !desk.take()) return false;
    words[LENT]!++;
    if (desk.counts() && desk.lives()) return true;
    this.putAt(desk);
    return false;
  }

  private putAt(desk: Desk): void {
    const { words } = this;
    // Another one of this thread's places than the leased one, which another call left before.
    if (!desk.leave()) return this.handBack(1);
    words[LENT]!--;
    const lives = desk.lives();
    if (lives && words[RECALLED] === LEASED) return;
    if (lives) this.handBack(0);
    else if (hot.leftLate(this.number) !== 0) wakeStranded();
  }

  private handBack(more: number): void {
    if (hot.handBack(this.number, more) !== 0) wakeStranded();
  }
}

/** A leased place, with the words of its cell as numbers of 32 bits. */
class Desk {
  private constructor(
    private readonly cell: Int32Array,
    private readonly standing: Int32Array,
    private readonly pulse: number,
    private readonly limitAt: number,
    private readonly limit: number,
    private readonly mostAt: number,
    private readonly most: number,
    private readonly place: number,
    private readonly taken: number,
    private readonly atHand: number,
    private readonly count: number,
    private readonly stands: number,
  ) {}

  static of(loan: number): Desk | undefined {
    const standing = hot.standing(loan);
    const cell = hot.desk(loan);
    if (cell === undefined || standing === undefined) return undefined;
    // Kept as a number of the mailbox is, it would be made a whole one by each exchange that it is given to.
    const told = (place: number) => mail[place]! | 0;
    return new Desk(
      new Int32Array(cell), new Int32Array(standing), told(0), told(1), told(2), told(3), told(4), told(5), told(6), told(7), told(8), told(9),
    );
  }

  /** Whether everything is as it was when the place was let. */
  isLet(): boolean {
    const { cell } = this;
    return cell[this.limitAt] === this.limit && cell[this.mostAt] === this.most && this.standing[0] === this.stands;
  }

  take(): boolean {
    const { atHand } = this;
    return Atomics.compareExchange(this.cell, this.place, atHand, this.taken) === atHand;
  }

  /** Counts that it was taken, unless that would carry into the upper half: the core does so. */
  counts(): boolean {
    const { cell, count } = this;
    const before = cell[count]!;
    if (before === -1) return false;
    cell[count] = before + 1;
    return true;
  }

  leave(): boolean {
    const { taken } = this;
    return Atomics.compareExchange(this.cell, this.place, taken, this.atHand) === taken;
  }

  /** Whether the cell is still that of its name: as long as it is held, the half that says so is enough. */
  lives(): boolean {
    return this.cell[0] === this.pulse;
  }
}

/** Wakes those whose tickets the core has kept for it. */
export function wakeStranded(): void {
  wake(JSON.parse(hot.stranded(0)) as number[]);
}
