// What a user would pick instead, each through its public interface and as its documents say.
import * as alfred from '@git-stunts/alfred';
import * as cockatiel from 'cockatiel';
import * as mollitia from 'mollitia';
import Opossum from 'opossum';
import pLimit from 'p-limit';
import pRetry from 'p-retry';
import { down, failing, HOUR, ok, times } from './targets.js';

export const NAMES = ['cockatiel', 'opossum', 'mollitia', '@git-stunts/alfred', 'p-retry', 'p-limit'];

const OPEN = { rejects: true, floor: 'a rejection with a new error' };
const FAILING = { rejects: true, mixed: true, floor: 'a failing call' };
const via = (policy, fn) => () => policy.execute(fn);

export async function rows() {
  return [...(await ofCockatiel()), ...(await ofOpossum()), ...(await ofMollitia()), ...(await ofAlfred()), ...single()];
}

const circuit = (inner) => cockatiel.circuitBreaker(cockatiel.handleAll, { halfOpenAfter: HOUR, breaker: inner });
const COCKATIEL = {
  consecutive: () => circuit(new cockatiel.ConsecutiveBreaker(5)),
  'count 100': () => circuit(new cockatiel.CountBreaker({ threshold: 0.5, size: 100, minimumNumberOfCalls: 20 })),
  'sampling 30 s': () => circuit(new cockatiel.SamplingBreaker({ threshold: 0.5, duration: 30_000, minimumRps: 0.5 })),
};

async function ofCockatiel() {
  const { wrap, handleAll, timeout, TimeoutStrategy, bulkhead } = cockatiel;
  const retry = () => cockatiel.retry(handleAll, { maxAttempts: 3, backoff: new cockatiel.ExponentialBackoff() });
  const limit = () => timeout(HOUR, TimeoutStrategy.Cooperative);
  const list = [];
  const add = (name, variant, call, more) => list.push({ case: name, library: 'cockatiel', variant, call, ...more });
  for (const [window, make] of Object.entries(COCKATIEL)) add('closed', window, via(make(), ok()));
  const open = circuit(new cockatiel.ConsecutiveBreaker(3));
  await times(3, via(open, down));
  add('open', 'consecutive', via(open, ok()), OPEN);
  add('failing', 'consecutive', via(circuit(new cockatiel.ConsecutiveBreaker(1e9)), failing()), FAILING);
  for (const size of [10, 100, 1_000, 10_000, 100_000]) {
    const wide = circuit(new cockatiel.CountBreaker({ threshold: 0.999999, size, minimumNumberOfCalls: size }));
    const call = via(wide, failing(Math.min(64, size - 2)));
    await times(size, call);
    add('window sweep', `count of ${size}`, call, FAILING);
  }
  add('retry', 'exponential', via(retry(), ok()));
  add('timeout', 'cooperative', via(limit(), ok()));
  add('bulkhead', '', via(bulkhead(64, 64), ok()));
  add('retry + breaker', 'count 100', via(wrap(retry(), COCKATIEL['count 100']()), ok()));
  add('retry + breaker + bulkhead', 'count 100', via(wrap(retry(), COCKATIEL['count 100'](), bulkhead(64, 64)), ok()));
  add('retry + breaker + timeout', 'count 100, cooperative', via(wrap(retry(), COCKATIEL['count 100'](), limit()), ok()));
  return list;
}

const LEAN = { timeout: false, enableSnapshots: false, rollingPercentilesEnabled: false };

async function ofOpossum() {
  const list = [];
  const make = (fn, options) => {
    const breaker = new Opossum(fn, { resetTimeout: HOUR, volumeThreshold: 3, ...options });
    return { breaker, call: () => breaker.fire(), close: () => breaker.shutdown() };
  };
  const add = (name, variant, { call, close }, more) => list.push({ case: name, library: 'opossum', variant, call, close, ...more });
  add('closed', 'time 10 s', make(ok(), { timeout: false }));
  add('closed', 'time 10 s, lean options', make(ok(), LEAN));
  const open = make(down, { timeout: false });
  await times(8, open.call);
  add('open', 'time 10 s', open, OPEN);
  // It looks through its whole window at each failure: few calls, or the run would not end.
  add('failing', 'time 10 s', make(failing(), { ...LEAN, volumeThreshold: 1e9 }), { ...FAILING, most: 200 });
  for (const size of [1_000, 10_000]) {
    const wide = make(failing(), { timeout: false, volumeThreshold: 1e9, rollingCountTimeout: HOUR, rollingCountBuckets: 10 });
    wide.breaker.status.stats; // its counts are made lazily
    for (let i = 0; i < size; i++) wide.breaker.status.increment('successes', 1);
    add('window sweep', `time, ${size} calls`, wide, { ...FAILING, most: 20 });
  }
  add('bulkhead', 'capacity, and a breaker', make(ok(), { timeout: false, capacity: 64 }));
  const fire = make(ok(), { timeout: false });
  add('retry + breaker', 'p-retry around it', { ...fire, call: () => pRetry(fire.call, { retries: 2 }) });
  const timed = make(ok(), { timeout: 60_000 });
  add('retry + breaker + timeout', 'p-retry around it', { ...timed, call: () => pRetry(timed.call, { retries: 2 }) });
  return list;
}

async function ofMollitia() {
  const list = [];
  const made = (fn, ...modules) => {
    const it = new mollitia.Circuit({ func: fn, options: { modules } });
    return { call: () => it.execute(), close: () => it.dispose() };
  };
  const count = (slidingWindowSize, more) =>
    new mollitia.SlidingCountBreaker({ slidingWindowSize, minimumNumberOfCalls: Math.min(5, slidingWindowSize), openStateDelay: HOUR, ...more });
  const retry = () => new mollitia.Retry({ attempts: 2, interval: 100 });
  const add = (name, variant, { call, close }, more) => list.push({ case: name, library: 'mollitia', variant, call, close, ...more });
  add('closed', 'count 100', made(ok(), count(100)), { most: 300 });
  const open = made(down, count(10));
  await times(10, open.call);
  add('open', 'count 10', open, OPEN);
  add('failing', 'count 100', made(failing(), count(100, { failureRateThreshold: 100 })), { ...FAILING, most: 300 });
  add('slow-call rule', 'count 100', made(ok(), count(100, { slowCallDurationThreshold: 60_000, slowCallRateThreshold: 100 })), { most: 300 });
  add('retry', '', made(ok(), retry()));
  add('timeout', '', made(ok(), new mollitia.Timeout({ delay: HOUR })));
  const room = () => new mollitia.Bulkhead({ concurrentSize: 64, queueSize: 64 });
  add('bulkhead', '', made(ok(), room()));
  add('retry + breaker', 'count 100', made(ok(), retry(), count(100)), { most: 300 });
  add('retry + breaker + bulkhead', 'count 100', made(ok(), retry(), count(100), room()), { most: 300 });
  add('retry + breaker + timeout', 'count 100', made(ok(), retry(), count(100), new mollitia.Timeout({ delay: HOUR })), { most: 300 });
  for (const size of [10, 100, 1_000]) {
    const wide = made(failing(Math.min(64, size - 2)), count(size, { minimumNumberOfCalls: size, failureRateThreshold: 100 }));
    await times(size, wide.call);
    add('window sweep', `count of ${size}`, wide, { ...FAILING, most: 50 });
  }
  return list;
}

async function ofAlfred() {
  const list = [];
  const add = (name, variant, call, more) => list.push({ case: name, library: '@git-stunts/alfred', variant, call, ...more });
  const breaker = (threshold) => alfred.circuitBreaker({ threshold, duration: HOUR });
  add('closed', 'consecutive', via(breaker(5), ok()));
  const open = breaker(3);
  await times(4, via(open, down));
  add('open', 'consecutive', via(open, ok()), OPEN);
  add('failing', 'consecutive', via(breaker(Number.MAX_SAFE_INTEGER), failing()), FAILING);
  const [fn, options] = [ok(), { retries: 2 }];
  add('retry', '', () => alfred.retry(fn, options));
  add('bulkhead', '', via(alfred.bulkhead({ limit: 64, queueLimit: 64 }), ok()));
  const { Policy } = alfred;
  const circuit = () => Policy.circuitBreaker({ threshold: 5, duration: HOUR });
  const retry = () => Policy.retry({ retries: 2 });
  add('retry + breaker', 'consecutive', via(retry().wrap(circuit()), ok()));
  add('retry + breaker + bulkhead', 'consecutive', via(retry().wrap(circuit()).wrap(Policy.bulkhead({ limit: 64, queueLimit: 64 })), ok()));
  // Its timeout leaves one live timer for each finished call: short, and few calls.
  add('timeout', 'leaves a timer', () => alfred.timeout(500, fn), { most: 500 });
  add('retry + breaker + timeout', 'consecutive, leaves a timer', via(retry().wrap(circuit()).wrap(Policy.timeout(500)), ok()), { most: 500 });
  return list;
}

function single() {
  const fn = ok();
  const [limit, options] = [pLimit(64), { retries: 2 }];
  return [
    { case: 'retry', library: 'p-retry', call: () => pRetry(fn, options) },
    { case: 'bulkhead', library: 'p-limit', call: () => limit(fn) },
  ];
}

/** For memory: one breaker and a call through it. */
export const BREAKERS = {
  'cockatiel, consecutive': () => via(COCKATIEL.consecutive(), ok()),
  'cockatiel, count 100': () => via(COCKATIEL['count 100'](), ok()),
  'opossum, time 10 s': () => {
    const breaker = new Opossum(ok(), { timeout: false });
    return () => breaker.fire();
  },
  'mollitia, count 100': () => {
    const it = new mollitia.Circuit({ func: ok(), options: { modules: [new mollitia.SlidingCountBreaker({ slidingWindowSize: 100 })] } });
    return () => it.execute();
  },
  '@git-stunts/alfred, consecutive': () => via(alfred.circuitBreaker({ threshold: 5, duration: HOUR }), ok()),
};
