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
