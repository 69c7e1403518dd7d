// A stream is one attempt, from the first item asked for to its end: exhausted is success, thrown is
// its class, left early is a caller that gave up. It is retried only before the first item.
import type { Attempt, CallOptions } from './drive.js';

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

export type Execute = <R>(work: (attempt: Attempt) => Promise<R>, options: CallOptions) => Promise<R>;

export async function* streamed<T>(
  execute: Execute,
  source: (attempt: Attempt) => AsyncIterable<T>,
  options: CallOptions,
): AsyncGenerator<T, void, undefined> {
  const reader = new AbortController();
  const items = new Handoff<T>();
  const signal = options.signal === undefined ? reader.signal : AbortSignal.any([options.signal, reader.signal]);
  const running = execute(async (attempt) => {
    const iterator = source(attempt)[Symbol.asyncIterator]();
    signal.addEventListener('abort', () => void iterator.return?.(), { once: true });
    for (;;) {
      await items.wanted();
      const next = await iterator.next();
      if (next.done === true) return;
      attempt.commit();
      items.put({ value: next.value });
    }
  }, { ...options, signal });
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
