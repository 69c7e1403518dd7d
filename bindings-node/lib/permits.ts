import { amount, hint, known, outcomeNumber } from './checks.js';
import type { Outcome } from './classify.js';
import { dressed } from './errors.js';
import type { NativePolicy, NativeRegistry } from './native.js';
import { rest, wake } from './wait.js';

/** A breaker's permit. Left without a verdict (`using`), it goes back uncounted. */
export class BreakerPermit implements Disposable {
  #open = true;
  constructor(readonly native: NativePolicy, readonly registry: NativeRegistry, readonly permit: bigint, readonly began: number) {}

  success(): void {
    this.record('success');
  }
  failure(): void {
    this.record('failure');
  }
  cancel(): void {
    this.record('cancelled');
  }
  /** Reports once; a second report changes nothing. `tookMs` replaces the measured time. */
  record(outcome: Outcome, options: { retryAfterMs?: number; tookMs?: number } = {}): void {
    const number = outcomeNumber(outcome);
    const { retryAfterMs, tookMs } = known(options, ['retryAfterMs', 'tookMs'], 'record');
    const took = tookMs === undefined ? this.registry.now() - this.began : amount(tookMs, 'tookMs') * 1e6;
    const after = retryAfterMs === undefined ? null : hint(retryAfterMs, 'retryAfterMs') * 1e6;
    if (!this.#open) return;
    this.#open = false;
    this.native.record(this.permit, number, took, after);
  }
  [Symbol.dispose](): void {
    this.cancel();
  }
}

/** A place inside a bulkhead. */
export class BulkheadPermit implements Disposable {
  constructor(readonly native: NativePolicy, readonly permit: bigint) {}
  /** Gives the place back; a second time changes nothing. Returns the tickets it let in. */
  release(): number[] {
    const woken = this.native.leave(this.permit);
    wake(woken);
    return woken;
  }
  [Symbol.dispose](): void {
    this.release();
  }
}

/** A place in the queue of a bulkhead. */
export class Ticket {
  constructor(readonly native: NativePolicy, readonly registry: NativeRegistry, readonly number: number) {}

  /** Looks: inside, still waiting, or an error that says why not. */
  poll(): BulkheadPermit | undefined {
    const taken = this.native.poll(this.number);
    if (taken.permit !== undefined) return new BulkheadPermit(this.native, taken.permit);
    if (taken.refusal !== undefined) throw dressed(taken.refusal, this.native.name);
    return undefined;
  }

  /** Leaves the queue. Returns the tickets that this let in. */
  cancel(): number[] {
    const woken = this.native.abandon(this.number);
    wake(woken);
    return woken;
  }

  /** Waits until it is this ticket's turn. */
  async admitted(signal?: AbortSignal): Promise<BulkheadPermit> {
    for (;;) {
      const before = this.native.poll(this.number);
      if (before.permit !== undefined) return new BulkheadPermit(this.native, before.permit);
      if (before.refusal !== undefined) throw dressed(before.refusal, this.native.name);
      const resting = rest(this.registry, before.left, signal, this.number);
      // Once more after the ticket can be woken: another thread may have let it in before.
      const after = this.native.poll(this.number);
      if (after.permit === undefined && after.refusal === undefined) {
        if ((await resting) === 'woke') continue;
        this.cancel();
        throw signal?.reason;
      }
      wake([this.number]);
      if (after.permit !== undefined) return new BulkheadPermit(this.native, after.permit);
      throw dressed(after.refusal ?? '{}', this.native.name);
    }
  }
}
