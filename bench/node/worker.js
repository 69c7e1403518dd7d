// One of some threads, or a process: waits for `n`, calls so often, tells how long one call took.
import { parentPort, workerData } from 'node:worker_threads';
import { call as made } from './apart.js';
import { ahead, clock } from './harness.js';

const { row, line, threads } = workerData ?? { row: process.argv[2], line: new ArrayBuffer(4), threads: 1 };
const call = made(row);
const arrived = new Int32Array(line);
const now = threads > 1 ? () => Number(process.hrtime.bigint()) : clock;
const say = (word) => (parentPort === null ? process.send(word) : parentPort.postMessage(word));

(parentPort ?? process).on('message', async (n) => {
  for (let i = ahead(n); i > 0; i--) await call();
  // All begin at once.
  Atomics.add(arrived, 0, 1);
  while (Atomics.load(arrived, 0) < threads);
  const start = now();
  for (let i = 0; i < n; i++) await call();
  say((now() - start) / n);
});
say('ready');
