// Threads that are ended in the middle of their calls: node threads.mjs ROUNDS
//
// Four threads of worker_threads call the upstream without pause and share one bulkhead. In each round
// one of them is ended while it holds a permit, and another takes its place. Printed: what is left.
import { fileURLToPath } from 'node:url';
import { isMainThread, workerData, Worker } from 'node:worker_threads';
import { policy } from 'seawall';

const upstream = process.env.UPSTREAM;
const guard = policy('upstream');

if (isMainThread) await main(Number(process.argv[2]));
else await callers();

async function main(rounds) {
  let born = 0;
  const start = () => {
    const name = `thread-${born++}`;
    return { name, thread: new Worker(fileURLToPath(import.meta.url), { workerData: { name } }) };
  };
  const workers = Array.from({ length: 4 }, start);
  for (let round = 0; round < rounds; round++) {
    const victim = workers.shift();
    // Until the upstream says that it has a call under way.
    while ((await calls(victim)) === 0) await new Promise((next) => setTimeout(next, 1));
    await end(victim);
    workers.push(start());
  }
  for (const worker of workers) await end(worker);
  // Everything that was held is free again.
  const { limit, in_use } = guard.snapshot().bulkhead;
  const places = Array.from({ length: limit }, () => guard.enter());
  for (const place of places) place.release();
  console.log(JSON.stringify({ ended: rounds, in_use, limit, state: guard.state }));
}

// How many calls the upstream sees a thread make right now.
async function calls({ name }) {
  return Number(await (await fetch(`${upstream}/within?sender=${name}`)).text());
}

async function end({ name, thread }) {
  await fetch(`${upstream}/ended?sender=${name}`, { method: 'POST' });
  await thread.terminate();
}

// Three callers in a thread, so that some wait for the event loop while one is inside.
async function callers() {
  const work = async () => (await fetch(`${upstream}/work`, { headers: { 'x-sender': workerData.name } })).text();
  const forever = async () => {
    for (;;) {
      try {
        await guard.execute(work);
      } catch (error) {
        if (error.code !== 'BULKHEAD_FULL') throw error;
        await new Promise((next) => setTimeout(next, 1));
      }
    }
  };
  await Promise.all([forever(), forever(), forever()]);
}
