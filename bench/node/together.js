// One of some processes that call at the same time; xtask/src/bench/together.rs tells what it is asked.
import { CircuitOpenError, policy } from 'seawall';
import { createInterface } from 'node:readline';
import { clock, compile } from './harness.js';
import { NEVER_OPENS, WINDOWS } from './ours.js';
import { FAILURE, failing, ok } from './targets.js';

const BATCH = 250; // calls between two looks at the clock
const SETTINGS = {
  closed: { breaker: WINDOWS['count 100'] },
  failing: { breaker: NEVER_OPENS['count 100'] },
  open: { breaker: { ...WINDOWS['count 100'], open_for: '1h' } },
  bulkhead: { bulkhead: { limit: 64 } },
};
const rows = new Map();
const now = () => process.hrtime.bigint();

function made(name, kind, scope) {
  const guard = policy({ name, scope, ...SETTINGS[kind] });
  if (kind === 'open') guard.open();
  // One in 16 succeeds: four processes never fill a window with failures.
  const work = kind === 'failing' ? failing(16) : ok();
  const call = () => guard.execute(work);
  return { call, loop: compile({ call, rejects: kind === 'open' || kind === 'failing' }) };
}

/** One call of two still ends as the case says. */
async function check({ call }, kind) {
  const ends = [await call().catch((error) => error), await call().catch((error) => error)];
  const fits = { open: (end) => end instanceof CircuitOpenError, failing: (end) => end === FAILURE }[kind] ?? ((end) => end === 42);
  if (!ends.some(fits)) throw new Error(`${kind}: calls ended with ${ends}`);
}

for await (const line of createInterface({ input: process.stdin })) {
  const [kind, scope, processes, from, until] = line.split(' ');
  const name = `${kind}-${scope}-${processes}`;
  const row = rows.get(name) ?? made(name, kind, scope);
  rows.set(name, row);
  const [begin, end] = [BigInt(from), BigInt(until)];
  while (now() < begin);
  const start = clock();
  let done = 0;
  do {
    await row.loop(BATCH);
    done += BATCH;
  } while (now() < end);
  const spent = clock() - start;
  await check(row, kind);
  process.stdout.write(`${spent} ${done}\n`);
}
