// The driver: does what the core's steps say, and nothing else. Each callback reports and follows
// the next step; there is one promise for the whole call and no frame that waits.
import { Running, type Conductor } from './attempt.js';
import type { Outcome } from './classify.js';
import { alarm } from './clock.js';
import { isFetching, within, type Ambient } from './context.js';
import { dress, type Refusal, wordsOf } from './errors.js';
import { deliver } from './events.js';
import { OUTCOMES } from './generated/codes.js';
import { How, isThenable, judge, typeOf } from './end.js';
import * as at from './hot.js';
import { hot, mail, type Kind } from './hot.js';
import type { Link, Verdict } from './native.js';
import type { CallOptions, Driven, Report, Work } from './options.js';
import { keyOf, type Flight, type Store } from './store.js';
import { isDeadline, keepList, rest, until, wake, type Woken } from './wait.js';

interface Info { attempts: number; elapsed: number; reason: string | null; outcome: Outcome | null; refusal: Refusal | null }

const NOTHING: CallOptions = {};
export class Driver<T> implements Conductor {
  private readonly promise: Promise<T>;
  private resolve!: (value: T) => void;
  private reject!: (error: unknown) => void;
  private call = -1;
  readonly isTimedByAll = false;
  private running: Running | undefined = undefined;
  private how = How.Nothing;
  private last: unknown = undefined;
  /** Stops the clock of the running attempt. */
  private stopClock: (() => void) | undefined = undefined;
  private listening = false;
  private keep = 0;
  private begun = false;
  /** Where values of before are, under the settings that the call began with. */
  private readonly store: Store | undefined;
  private readonly key: string | undefined;
  private flight: Flight | undefined = undefined;
  private link: number | undefined = undefined;
  private queued = NaN;

  constructor(
    private readonly policy: Driven,
    private readonly work: Work<T>,
    private readonly options: CallOptions = NOTHING,
    private readonly signal: AbortSignal | undefined = undefined,
    private readonly around: Ambient | undefined = undefined,
  ) {
    this.store = policy.shape.store;
    this.key = options.cacheKey === undefined ? undefined : keyOf(policy.key, options.cacheKey);
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  /** A call from its start, with `limit` nanoseconds to go. */
  start(limit: number): Promise<T> {
    const { policy, options } = this;
    const cached = this.key !== undefined && this.store !== undefined ? 1 : 0;
    const estimate = options.estimate === undefined ? undefined : JSON.stringify(options.estimate);
    const kind = hot.open(policy.gate.slot, limit, cached, estimate);
    if (kind >= 0) {
      this.call = mail[at.CALL]!;
      this.go(kind);
    } else this.run(1, NaN);
    return this.promise;
  }

  /** A call whose first attempt ran under a pass, and came to `last`. */
  resume(kind: Kind, how: How, last: unknown): Promise<T> {
    this.call = mail[at.CALL]!;
    this.how = how;
    this.last = last;
    this.told(1, kind);
    return this.promise;
  }

  /** A call whose first attempt ran under a pass, and out of time. */
  lapse(kind: Kind, running: Running): Promise<T> {
    this.call = mail[at.CALL]!;
    this.ranOut(kind, running);
    return this.promise;
  }

  /** Follows a step; a fault of ours leaves the call with what it has. */
  private go(kind: Kind): void {
    try {
      this.follow(kind);
    } catch (error) {
      this.close();
      this.reject(error);
    }
  }

  private follow(first: Kind): void {
    let kind = first;
    for (;;) {
      const span = mail[at.SPAN]!;
      const what = mail[at.WHAT]!;
      const attempt = mail[at.ATTEMPT]!;
      const index = mail[at.INDEX]!;
      if (mail[at.WAKES] !== 0) wake(JSON.parse(hot.wakes(this.call)) as number[]);
      if (kind === at.RUN) return this.run(attempt, span);
      deliver();
      switch (kind) {
        case at.WAIT:
          this.hook(() => this.policy.onRetry?.(attempt, this.how === How.Error ? this.last : undefined, span / 1e6));
          void rest(this.policy.registry, span, this.signal).then((how) => this.woken(how));
          return;
        case at.QUEUE: {
          this.queued = span;
          const resting = rest(this.policy.registry, Number.isNaN(span) ? undefined : span, this.signal, what);
          // Once more after the ticket can be woken: the permit may have come before.
          kind = hot.woke(this.call);
          if (kind === at.QUEUE) return void resting.then((how) => this.woken(how));
          wake([what]);
          break;
        }
        case at.LOOK_UP: {
          const found = this.lookUp(what === 1);
          if (found === undefined) return;
          kind = hot.lookedUp(this.call, found ? 1 : 0);
          break;
        }
        case at.FALL_BACK: {
          const link = at.LINKS[what] ?? 'empty';
          this.link = index;
          if (link === 'function') return void this.fallBack(span);
          const error = this.error();
          this.last = answerOf(this.policy, link);
          this.how = How.Value;
          this.hook(() => this.policy.onFallback?.(link, error));
          kind = hot.fellBack(this.call, 1);
          break;
        }
        case at.OVER:
          this.call = -1;
          return this.finish('settle');
        case at.FINISH:
          return this.finish(at.VERDICTS[what] ?? 'settle');
        default:
          return this.finish('settle');
      }
    }
  }

  private woken(how: Woken): void {
    this.go(how === 'woke' ? hot.woke(this.call) : hot.cancelled(this.call, this.deadlinePassed()));
  }

  private deadlinePassed(): number {
    return this.signal !== undefined && isDeadline(this.signal) ? 1 : 0;
  }

  // ---- an attempt ----

  private run(number: number, limit: number): void {
    const { signal } = this;
    if (signal?.aborted) return this.go(hot.cancelled(this.call, this.deadlinePassed()));
    const endsAt = mail[at.ENDS_AT]!;
    const timed = limit >= 0 && mail[at.MANUAL] === 0;
    const running = new Running(number, this);
    this.running = running;
    let result: T | PromiseLike<T>;
    try {
      if (limit >= 0 || signal !== undefined || this.flight !== undefined) {
        const { registry } = this.policy;
        result = within({ registry, endsAt, running, flight: this.flight, outer: this.around }, this.work, running);
      } else result = this.work(running);
    } catch (error) {
      return this.ended(running, How.Error, error);
    }
    if (!isThenable(result)) return this.ended(running, How.Value, result);
    if (timed && !running.committed) this.time(limit);
    if (signal !== undefined) {
      // The work itself may have ended its caller already.
      if (signal.aborted) return this.handleEvent();
      signal.addEventListener('abort', this, { once: true });
      this.listening = true;
    }
    (result instanceof Promise ? (result as Promise<T>) : Promise.resolve(result)).then(
      (value) => this.ended(running, How.Value, value),
      (error: unknown) => this.ended(running, How.Error, error),
    );
  }

  private time(nanos: number): void {
    const ms = Math.ceil(nanos / 1e6);
    const { gate } = this.policy;
    if (gate.limitMs === ms) keepList(ms);
    else gate.limitMs = ms;
    this.stopClock = alarm(nanos, () => this.expire());
  }

  /** What watches the running attempt goes; the attempt, if it still ran. */
  private unwatch(): Running | undefined {
    const { running } = this;
    this.stopClock?.();
    this.stopClock = undefined;
    if (this.listening) this.signal?.removeEventListener('abort', this);
    this.listening = false;
    this.running = undefined;
    return running;
  }

  private ended(running: Running, how: How, last: unknown): void {
    // What was left behind says nothing any more.
    if (running !== this.running) return;
    this.unwatch();
    if (running.actual !== undefined) hot.settleCost(this.call, running.actual);
    this.how = how;
    this.last = last;
    const { outcome, retryAfterMs } = judge(this.policy, how, last);
    const hint = retryAfterMs === undefined ? NaN : retryAfterMs * 1e6;
    const keep = this.options.onFinish === undefined ? 0 : 1;
    this.told(running.attempt, hot.done(this.call, running.attempt, OUTCOMES[outcome], hint, keep, typeOf(how, last)));
  }

  /** The core knows how attempt `number` ended. */
  private told(number: number, kind: Kind): void {
    const { policy } = this;
    if (!(kind >= 0)) return this.finish('settle');
    const { key } = this;
    const slow = mail[at.SLOW]!;
    this.keep = mail[at.KEEP]!;
    if (key !== undefined && this.keep === 1 && this.how === How.Value) this.store?.keep(key, this.last);
    if (key !== undefined && this.keep === 2) this.store?.forget(key);
    if (slow >= 0) this.aside(() => policy.onSlow?.(number, slow / 1e6));
    this.go(kind);
  }

  /** The time of the attempt is over. */
  private expire(): void {
    const running = this.unwatch();
    if (running !== undefined) this.ranOut(hot.expire(this.call, running.attempt), running);
  }

  /** The core knows that the time of an attempt is over. */
  private ranOut(kind: Kind, running: Running): void {
    const limitMs = mail[at.SPAN]! / 1e6;
    this.how = How.Nothing;
    const refusal = this.refusal() as { limitMs?: number };
    this.aside(() => this.policy.onTimeout?.(running.attempt, refusal?.limitMs ?? limitMs));
    this.aside(() => running.stop(refusal));
    this.go(kind);
  }

  /** The caller's signal, while an attempt runs. */
  handleEvent(): void {
    const running = this.unwatch();
    if (running === undefined) return;
    const kind = hot.cancelled(this.call, this.deadlinePassed());
    this.aside(() => running.stop(this.signal?.reason));
    this.go(kind);
  }

  left(): number {
    return hot.remaining(this.call);
  }

  committed(): void {
    this.stopClock?.();
    this.stopClock = undefined;
    hot.commit(this.call);
  }

  // ---- values of before ----

  /** Whether the store has it; nothing while another call is fetching it. */
  private lookUp(stale: boolean): boolean | undefined {
    const { store, key } = this;
    if (store === undefined || key === undefined) return false;
    const kept = store.find(key, stale);
    const first = !this.begun;
    this.begun = true;
    if (kept !== undefined) {
      this.last = kept.value;
      this.how = How.Value;
      return true;
    }
    if (!first) return false;
    const flight = store.flight(key);
    if (flight === undefined) this.flight = store.depart(key);
    else if (!isFetching(this.around, flight)) return void this.awaitLanding(flight);
    return false;
  }

  private awaitLanding(flight: Flight): void {
    const left = hot.remaining(this.call);
    void until(flight.landed, this.policy.registry.isManual ? NaN : left, this.signal).then((how) => {
      if (how === 'aborted') return this.go(hot.cancelled(this.call, this.deadlinePassed()));
      this.begun = how === 'late';
      mail[at.WHAT] = 0;
      this.go(at.LOOK_UP);
    });
  }

  private async fallBack(limit: number): Promise<void> {
    const error = this.error();
    const { run, registry } = this.policy;
    try {
      if (run === undefined) throw error;
      const working = Promise.resolve(run(error, ...(this.work.args ?? [])));
      const how = await until(working, registry.isManual ? NaN : limit, this.signal);
      if (how !== 'done') throw error;
      this.last = await working;
      this.how = How.Value;
    } catch {
      return this.go(hot.fellBack(this.call, 0));
    }
    this.hook(() => this.policy.onFallback?.('function', error));
    this.go(hot.fellBack(this.call, 1));
  }

  // ---- the end ----

  private finish(verdict: Verdict): void {
    const { onFinish } = this.options;
    if (onFinish !== undefined) this.hook(() => onFinish(this.shown(verdict)));
    if (verdict === 'cancelled') {
      const reason = this.signal?.aborted ? this.signal.reason : this.error();
      this.close();
      this.reject(reason);
    } else if (this.how === How.Value && verdict !== 'refused' && verdict !== 'timed_out' && verdict !== 'deadline_exceeded') {
      this.close();
      this.resolve(this.last as T);
    } else {
      const error = verdict === 'settle' ? this.error() : this.refusal();
      this.policy.gate.refusing = verdict === 'refused';
      this.close();
      this.reject(error);
    }
  }

  private close(): void {
    if (this.flight !== undefined) this.store?.land(this.flight);
    this.flight = undefined;
    if (this.call >= 0) hot.release(this.call);
    this.call = -1;
  }

  private info(): Info | undefined {
    const text = hot.info(this.call);
    return text === undefined ? undefined : (JSON.parse(text) as Info);
  }

  private shown(verdict: Verdict): Report {
    const info = this.info();
    return {
      verdict,
      outcome: info?.outcome ?? undefined,
      attempts: info?.attempts ?? 0,
      elapsedMs: (info?.elapsed ?? 0) / 1e6,
      reason: info?.reason ?? undefined,
      refusal: info?.refusal ? this.refusal() : undefined,
      link: verdict === 'fell_back' ? this.link : undefined,
      queuedForMs: Number.isNaN(this.queued) ? undefined : this.queued / 1e6,
      stored: this.keep === 1,
      forgotten: this.keep === 2,
    };
  }

  /** What the call would throw now: the user's own error first. */
  private error(): unknown {
    return this.how === How.Error ? this.last : this.refusal();
  }

  private refusal(): unknown {
    const refusal = this.info()?.refusal;
    const cause = this.how === How.Error ? this.last : undefined;
    return refusal ? dress(refusal, this.policy.name, cause) : cause;
  }

  /** Something of a user's, in between: the mailbox is as before when it is done. */
  private aside(act: () => void): void {
    const kept = mail.slice();
    this.hook(act);
    mail.set(kept);
  }

  /** A hook that throws is reported and changes no outcome. */
  private hook(hook: () => void): void {
    try {
      hook();
    } catch (error) {
      this.policy.registry.internal(`a hook threw: ${wordsOf(error)}`);
    }
  }
}

function answerOf(policy: Driven, link: Link): unknown {
  if (link === 'value') return policy.shape.value;
  if (link === 'fail_open') return true;
  return link === 'fail_closed' ? false : undefined;
}
