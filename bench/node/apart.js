// Rows apart: two threads on one breaker; and calls with a time limit, after the first of which every
// promise of its thread is slower under Node 20. Those are in a process of their own: what the timers of
// other rows take is not theirs.
import { policy } from 'seawall';
import { fork } from 'node:child_process';
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

const PROGRAM = new URL('./worker.js', import.meta.url);

async function apart(row, threads, names) {
  const line = new SharedArrayBuffer(4);
  const thread = () => new Worker(PROGRAM, { workerData: { row, line, threads } });
  const workers = Array.from({ length: threads }, () => new Asked(threads === 1 ? fork(PROGRAM, [row]) : thread()));
  // None is measured while another begins.
  await Promise.all(workers.map((worker) => worker.answer()));
  const together = async (n) => {
    new Int32Array(line)[0] = 0;
    return Math.max(...(await Promise.all(workers.map((worker) => worker.ask(n)))));
  };
  return { ...names, threads, together, close: () => workers.forEach((worker) => worker.end()) };
}

/** A thread or a process that is asked one thing at a time. */
class Asked {
  #worker;
  #settle;

  constructor(worker) {
    this.#worker = worker;
    this.#worker.on('message', (message) => this.#settle.done(message));
    this.#worker.on('error', (error) => this.#settle.fail(error));
  }

  answer() {
    return new Promise((done, fail) => (this.#settle = { done, fail }));
  }

  ask(n) {
    if (this.#worker instanceof Worker) this.#worker.postMessage(n);
    else this.#worker.send(n);
    return this.answer();
  }

  end() {
    if (this.#worker instanceof Worker) void this.#worker.terminate();
    else this.#worker.kill();
  }
}
