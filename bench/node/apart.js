// Rows that need threads of their own: two on one breaker; and calls with a time limit, after the first
// of which every promise of its thread is slower under Node 20.
import { policy } from 'seawall';
import { Worker } from 'node:worker_threads';
import * as ours from './ours.js';
import { BREAKERS } from './peers.js';
import { ok } from './targets.js';

const limited = (options) => {
  const made = policy(options);
  const work = ok();
  return () => made.execute(work);
};
const timeout = { attempt: '60s' };
const all = { breaker: ours.WINDOWS['count 100'], retry: { attempts: 3 }, timeout };

const ROWS = {
  pair: ok,
  // Workers of one process share a policy by its name.
  'pair of ours': () => ours.breaker('count 100', 'of-two-threads'),
  'pair of cockatiel': BREAKERS['cockatiel, count 100'],
  timeout: () => limited({ timeout }),
  'retry + breaker + timeout': () => limited(all),
  beside: () => {
    void limited({ timeout })();
    return ok();
  },
};

export const call = (row) => ROWS[row]();

export async function rows() {
  return Promise.all([
    apart('pair', 2, { case: 'floor', library: 'floor', variant: 'bare call' }),
    apart('pair of ours', 2, { case: 'closed', library: 'seawall', variant: 'count 100' }),
    apart('pair of cockatiel', 2, { case: 'closed', library: 'cockatiel', variant: 'count 100, one for each' }),
    apart('timeout', 1, { case: 'timeout', library: 'seawall', variant: '' }),
    apart('retry + breaker + timeout', 1, { case: 'retry + breaker + timeout', library: 'seawall', variant: 'count 100' }),
    apart('beside', 1, { case: 'floor', library: 'floor', variant: 'bare call, where a call had a time limit' }),
  ]);
}

async function apart(row, threads, names) {
  const line = new SharedArrayBuffer(4);
  const workers = Array.from({ length: threads }, () => new Asked({ row, line, threads }));
  // None is measured while another begins.
  await Promise.all(workers.map((worker) => worker.answer()));
  const together = async (n) => {
    new Int32Array(line)[0] = 0;
    return Math.max(...(await Promise.all(workers.map((worker) => worker.ask(n)))));
  };
  return { ...names, threads, together, close: () => workers.forEach((worker) => worker.end()) };
}

/** A worker that is asked one thing at a time. */
class Asked {
  #worker;
  #settle;

  constructor(workerData) {
    this.#worker = new Worker(new URL('./worker.js', import.meta.url), { workerData });
    this.#worker.on('message', (message) => this.#settle.done(message));
    this.#worker.on('error', (error) => this.#settle.fail(error));
  }

  answer() {
    return new Promise((done, fail) => (this.#settle = { done, fail }));
  }

  ask(n) {
    this.#worker.postMessage(n);
    return this.answer();
  }

  end() {
    void this.#worker.terminate();
  }
}
