import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as seawall from '../lib/index.js';
import { Sandbox } from '../lib/testing.js';

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const seen: T[] = [];
  for await (const item of items) seen.push(item);
  return seen;
}

function counted(limit: number, breakAt = Infinity, closed: () => void = () => {}) {
  return async function* () {
    try {
      for (let i = 0; i < limit; i++) {
        if (i === breakAt) throw new Error('broken off');
        yield i;
      }
    } finally {
      closed();
    }
  };
}

const breaker = () => seawall.circuitBreaker({ window: { kind: 'consecutive', failures: 1 } });

test('a stream that is read to its end is a success', async () => {
  const policy = breaker();
  assert.deepEqual(await all(policy.stream(counted(3))), [0, 1, 2]);
  assert.equal(policy.snapshot()['breaker'].totals.success, 1);
});

test('a stream that breaks off is a failure and its error comes out', async () => {
  const policy = breaker();
  await assert.rejects(all(policy.stream(counted(3, 1))), /broken off/);
  assert.equal(policy.state, 'open');
  await assert.rejects(all(policy.stream(counted(3))), { code: 'CIRCUIT_OPEN' });
});

test('a stream that is left early is no failure and is closed', async () => {
  const policy = breaker();
  let closed = false;
  for await (const item of policy.stream(counted(100, Infinity, () => (closed = true)))) if (item === 1) break;
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(closed);
  const { totals, state } = policy.snapshot()['breaker'];
  assert.deepEqual([state, totals.cancelled, totals.failure], ['closed', 1, 0]);
});

test('a stream is retried before its first item and never after', async () => {
  const box = new Sandbox();
  const policy = seawall.retry({ attempts: 3, backoff: { kind: 'fixed', base: '1s' }, jitter: 'none' });
  let starts = 0;
  assert.deepEqual(await all(policy.stream((attempt) => counted(2, attempt.attempt === 1 ? 0 : Infinity)())), [0, 1]);
  await assert.rejects(all(policy.stream(() => (starts++, counted(3, 1)()))), /broken off/);
  assert.equal(starts, 1);
  box[Symbol.dispose]();
});

test('nothing runs before the first item is asked for', async () => {
  let started = false;
  const items = breaker().stream(async function* () {
    started = true;
    yield 1;
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(started, false);
  assert.deepEqual(await all(items), [1]);
});

// ---- gaps ----

/** One item, then a gap of `ms` before each further one. */
function slowly(ms: number, closed: () => void = () => {}) {
  return async function* () {
    try {
      for (let i = 0; ; i++) {
        yield i;
        // A gap that nobody waits out keeps no test alive.
        await new Promise((resolve) => (ms > 1000 ? setTimeout(resolve, ms).unref() : setTimeout(resolve, ms)));
      }
    } finally {
      closed();
    }
  };
}

test('a gap longer than the idle limit ends the stream as a timeout', async () => {
  const policy = seawall.policy({ breaker: { window: { kind: 'consecutive', failures: 1 } }, timeout: { idle: '20ms' }, retry: { attempts: 3 } });
  let starts = 0;
  const seen: number[] = [];
  const read = async () => {
    for await (const item of policy.stream(() => (starts++, slowly(10_000)()))) seen.push(item);
  };
  await assert.rejects(read(), (error: seawall.TimedOutError) => error.code === 'ATTEMPT_TIMEOUT' && error.limitMs === 20);
  assert.deepEqual([seen, starts, policy.state], [[0], 1, 'open']);
});

test('gaps within the idle limit add up to any length, and a slow reader is no gap', async () => {
  const policy = seawall.policy({ timeout: { idle: '500ms', attempt: '600ms' } });
  const seen: number[] = [];
  for await (const item of policy.stream(slowly(5))) {
    seen.push(item);
    if (item === 3) await new Promise((resolve) => setTimeout(resolve, 700));
    if (item === 10) break;
  }
  assert.equal(seen.length, 11);
});

test('the attempt’s own limit holds until the first item, the deadline to the end', async () => {
  const late = seawall.policy({ timeout: { attempt: '20ms' } });
  const silent = async function* () {
    await new Promise((resolve) => setTimeout(resolve, 10_000).unref());
    yield 1;
  };
  await assert.rejects(all(late.stream(silent)), { code: 'ATTEMPT_TIMEOUT' });
  const whole = seawall.policy({ timeout: { deadline: '30ms' } });
  let closed = false;
  await assert.rejects(all(whole.stream(slowly(10, () => (closed = true)))), { code: 'DEADLINE_EXCEEDED' });
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(closed, 'the source was told to end');
});

test('a caller that gives up ends the stream, and its source', async () => {
  const policy = breaker();
  const caller = new AbortController();
  let closed = false;
  const read = async () => {
    for await (const item of policy.stream(slowly(5, () => (closed = true)), { signal: caller.signal })) if (item === 1) caller.abort(new Error('enough'));
  };
  await assert.rejects(read(), /enough/);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(closed);
  assert.deepEqual([policy.state, policy.snapshot()['breaker'].totals.cancelled], ['closed', 1]);
});
