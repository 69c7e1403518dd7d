// Seawall as it installs.
import { CircuitOpenError, policy } from 'seawall';
import { down, failing, ok, times } from './targets.js';

const library = 'seawall';
const COUNT = { window: { kind: 'count', size: 100 }, failure_rate: 0.5, minimum_calls: 20 };
export const WINDOWS = {
  consecutive: { window: { kind: 'consecutive', failures: 5 } },
  'count 100': COUNT,
  'time 30 s': { window: { kind: 'time', span: '30s' }, failure_rate: 0.5, minimum_calls: 20 },
};
export const NEVER_OPENS = {
  consecutive: { window: { kind: 'consecutive', failures: 1_000_000 } },
  'count 100': { ...COUNT, failure_rate: 1.0 },
  'time 30 s': { ...WINDOWS['time 30 s'], failure_rate: 1.0 },
};
export const KEYS = Array.from({ length: 512 }, (_, i) => `tenant-${i}`);

const through = (made, work) => () => made.execute(work);

export async function rows() {
  const list = [];
  const add = (name, variant, call, more) => list.push({ case: name, library, variant, call, ...more });
  for (const [window, breaker] of Object.entries(WINDOWS)) {
    add('closed', window, through(policy({ breaker }), ok()));
    add('open', window, await opened({ ...breaker, open_for: '1h' }), { rejects: true, floor: 'a rejection with a new error' });
    add('failing', window, through(policy({ breaker: NEVER_OPENS[window] }), failing()), { rejects: true, mixed: true, floor: 'a failing call' });
    if (window !== 'consecutive') {
      const slow = { ...breaker, slow_call: { longer_than: '60s', rate: 1.0 } };
      add('slow-call rule', window, through(policy({ breaker: slow }), ok()));
    }
  }
  const retry = { attempts: 3 };
  const bulkhead = { limit: 64 };
  add('retry', '', through(policy({ retry }), ok()));
  add('bulkhead', '', through(policy({ bulkhead }), ok()));
  add('retry + breaker', 'count 100', through(policy({ breaker: COUNT, retry }), ok()));
  add('retry + breaker + bulkhead', 'count 100', through(policy({ breaker: COUNT, retry, bulkhead }), ok()));
  return [...list, ...(await keyed()), ...(await sweep())];
}

async function opened(breaker) {
  const made = policy({ breaker });
  await times(40, () => made.execute(down));
  const error = await made.execute(ok()).catch((error) => error);
  if (!(error instanceof CircuitOpenError)) throw new Error(`not open: ${error}`);
  return through(made, ok());
}

async function keyed() {
  const [each, one] = [policy({ breaker: COUNT }), policy({ breaker: COUNT })];
  const work = ok();
  for (let i = 0; i < 100; i++) for (const key of KEYS) await each.at(key).execute(work);
  return [
    { case: 'keyed', library, variant: '512 keys', call: (key) => each.at(key).execute(work), keys: KEYS },
    { case: 'keyed', library, variant: 'without keys', call: (_key) => one.execute(work), keys: KEYS },
  ];
}

/** A failing call, by the number of calls that the window holds. */
async function sweep() {
  const list = [];
  const wide = (size) => policy({ breaker: { window: { kind: 'count', size }, failure_rate: 1.0, minimum_calls: size } });
  const row = (variant, call, more) => list.push({ case: 'window sweep', library, variant, call, rejects: true, mixed: true, floor: 'a failing call', ...more });
  for (const size of [10, 100, 1_000, 10_000, 100_000]) {
    const call = through(wide(size), failing(Math.min(64, size - 2)));
    await times(size, call);
    row(`count of ${size}`, call);
  }
  const empty = wide(100_000);
  row('count of 100000, empty', through(empty, failing()), { most: 10_000, before: () => empty.reset() });
  return list;
}

/** For memory and for workers: one breaker and a call through it. */
export function breaker(window, name) {
  return through(policy({ name, breaker: WINDOWS[window] }), ok());
}
