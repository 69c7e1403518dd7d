// Interleaved timing: one batch of every row in a fresh order, then the next round, so that a slow spell
// of the machine falls on all rows alike. Time is processor time, which a busy neighbour does not lengthen.

/** Milliseconds of its own that each row runs before it is timed; its code is compiled beside it. */
const WARM_MS = 250;
/** Shorter batches are lost in collections of garbage. */
const LEAST_MS = 3;

const usage = process.threadCpuUsage?.bind(process) ?? process.cpuUsage.bind(process);
const yieldToLoop = () => new Promise((done) => setImmediate(done));

export function clock() {
  const { user, system } = usage();
  return (user + system) * 1e3;
}

/** A loop of its own for each row, so that each has its own inline caches. */
export function compile(row) {
  const call = row.keys ? 'call(keys[i & 511])' : 'call()';
  const body = row.rejects ? `try { await ${call}; } catch {}` : `await ${call};`;
  return new Function('call', 'keys', `return async function loop(n) { for (let i = 0; i < n; i++) { ${body} } };`)(row.call, row.keys);
}

/** Nanoseconds of one of `n` calls. Some are made before: after the other rows nothing of this one is in a cache. */
async function time(row, n) {
  row.before?.();
  if (row.together) return row.together(n);
  await row.loop(ahead(n));
  const start = clock();
  await row.loop(n);
  return (clock() - start) / n;
}

/** How many calls are made before so many are timed. */
export function ahead(n) {
  return Math.ceil(n / 4);
}

async function prepare(row, sliceMs) {
  row.loop = row.call && compile(row);
  row.samples = [];
  await check(row);
  const most = row.most ?? 1e6;
  // Called until its code is compiled; the quickest batch tells the size.
  let n = Math.min(50, most);
  let quickest = Infinity;
  let spent = 0;
  for (let batch = 0; batch < 10 || spent < WARM_MS * 1e6; batch++) {
    const took = await time(row, n);
    spent += took * n;
    quickest = Math.max(1, Math.min(quickest, took));
    n = Math.min(most, Math.max(20, Math.round((sliceMs * 1e6) / quickest)));
    await yieldToLoop();
  }
  row.n = n;
}

/** The row does what its case says, before it is timed and after. */
async function check(row) {
  if (row.call === undefined || row.mixed) return;
  let rejected = false;
  try {
    await row.call(row.keys?.[0]);
  } catch {
    rejected = true;
  }
  if (rejected !== Boolean(row.rejects)) {
    throw new Error(`${row.case}, ${row.library}, ${row.variant}: ${rejected ? 'rejected' : 'resolved'}`);
  }
}

export async function measure(rows, rounds, sliceMs) {
  for (const row of rows) {
    await prepare(row, Math.max(sliceMs, LEAST_MS));
    await yieldToLoop();
  }
  for (let round = 0; round < rounds; round++) {
    for (const row of shuffled(rows)) {
      row.samples.push(Math.round((await time(row, row.n)) * 100) / 100);
      await yieldToLoop(); // the libraries' own timers fire outside what is timed
    }
  }
  for (const row of rows) {
    await check(row);
    await row.close?.();
    print({ case: row.case, library: row.library, variant: row.variant ?? '', threads: row.threads ?? 1, unit: 'ns', floor: row.floor, unranked: row.unranked, samples: row.samples });
  }
}

export function print(row) {
  process.stdout.write(`${JSON.stringify({ row })}\n`);
}

function shuffled(rows) {
  const out = [...rows];
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [out[i], out[j]] = [out[j], out[i]];
  }
  return out;
}
