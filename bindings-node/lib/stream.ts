// A stream is one attempt, from the first item asked for to its end: exhausted is success, thrown is
// its class, left early is a caller that gave up. It is retried only before the first item.
import type { Attempt } from './attempt.js';
import { AttemptTimeoutError, DeadlineExceededError } from './errors.js';
import { execute } from './gate.js';
import type { CallOptions, Driven } from './options.js';
import { until } from './wait.js';

type Item<T> = { value: T } | 'end';

/** Hands one item at a time from the attempt to the reader, when the reader asks. */
class Handoff<T> {
  #wanted = gateway<void>();
  #given = gateway<Item<T>>();

  wanted(): Promise<void> {
    return this.#wanted.promise;
  }
  put(item: Item<T>): void {
    this.#wanted = gateway();
    this.#given.resolve(item);
  }
  fail(error: unknown): void {
    this.#given.reject(error);
  }
  async take(): Promise<Item<T>> {
    this.#given = gateway();
    this.#wanted.resolve();
    return this.#given.promise;
  }
}

function gateway<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => ([resolve, reject] = [yes, no]));
  promise.catch(() => {});
  return { promise, resolve, reject };
}

export async function* streamed<T>(
  policy: Driven,
  source: (attempt: Attempt) => AsyncIterable<T>,
  options: CallOptions,
): AsyncGenerator<T, void, undefined> {
  const reader = new AbortController();
  const items = new Handoff<T>();
  const signal = options.signal === undefined ? reader.signal : AbortSignal.any([options.signal, reader.signal]);
  const work = async (attempt: Attempt) => {
    const iterator = source(attempt)[Symbol.asyncIterator]();
    const leave = () => void iterator.return?.()?.then(undefined, () => {});
    signal.addEventListener('abort', leave, { once: true });
    for (let first = true; ; first = false) {
      await items.wanted();
      const next = await (first ? iterator.next() : gap(policy, attempt, iterator, leave));
      if (next.done === true) return;
      attempt.commit();
      items.put({ value: next.value });
    }
  };
  const running = execute(policy, work, { ...options, signal });
  running.then(() => items.put('end'), (error: unknown) => items.fail(error));
  try {
    for (;;) {
      const item = await items.take();
      if (item === 'end') return;
      yield item.value;
    }
  } finally {
    reader.abort(new Error('the reader of the stream left'));
    await running.catch(() => {});
  }
}

/** The next item within the idle limit and what is left to the call. What is late is a timeout. */
async function gap<T>(policy: Driven, attempt: Attempt, iterator: AsyncIterator<T>, leave: () => void): Promise<IteratorResult<T>> {
  const { registry, shape: { idle } } = policy;
  const left = (attempt.remainingMs ?? Infinity) * 1e6;
  const limit = Math.min(idle, left);
  if (limit === Infinity) return iterator.next();
  const asked = registry.now();
  const item = iterator.next();
  const how = await until(item, registry.isManual ? NaN : limit, attempt.signal);
  if (how !== 'late' && registry.now() - asked <= limit) return item;
  item.then(undefined, () => {});
  leave();
  const ms = limit / 1e6;
  const error = idle <= left
    ? new AttemptTimeoutError('ATTEMPT_TIMEOUT', `no item of the stream within ${ms} ms`)
    : new DeadlineExceededError('DEADLINE_EXCEEDED', `the deadline passed ${ms} ms after the last item of the stream`);
  error.limitMs = ms;
  throw error;
}
