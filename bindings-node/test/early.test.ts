// Node counts a timer in whole milliseconds and may ring it one early. Here every timer is a millisecond
// short, and no wait and no limit may be.
import assert from 'node:assert/strict';
import { test } from 'node:test';

const real = globalThis.setTimeout;
const early = (ring: () => void, ms = 1, ...given: []) => real(ring, ms - 1, ...given);
globalThis.setTimeout = early as typeof real;
// Only now: the package looks at the timers that there are.
const seawall = await import('../lib/index.js');

const boom = () => Promise.reject(new Error('boom'));
const hung = () => new Promise<never>(() => {});
const TIMES = 20;

/** The least of what `once` took or tells, in milliseconds. */
async function least(once: () => Promise<number | void>): Promise<number> {
  let best = Infinity;
  for (let time = 0; time < TIMES; time++) {
    const began = performance.now();
    const told = await once();
    best = Math.min(best, told ?? performance.now() - began);
  }
  return best;
}

async function assertLeast(ms: number, once: () => Promise<number | void>): Promise<void> {
  const best = await least(once);
  assert.ok(best >= ms, `${best} ms instead of ${ms}`);
}

test('timers are early here', async () => {
  assert.ok((await least(() => new Promise((resolve) => setTimeout(resolve, 5)))) < 5);
});

test('no attempt is made before its wait is over', async () => {
  const policy = seawall.retry({ attempts: 2, backoff: { kind: 'fixed', base: '5ms' }, jitter: 'none' });
  await assertLeast(5, () => {
    let failed: number | undefined;
    return policy.execute(() => {
      if (failed !== undefined) return performance.now() - failed;
      failed = performance.now();
      throw new Error('boom');
    });
  });
});

test('what an open circuit refused is tried again when it lets calls through', async () => {
  const outer = seawall.policy({ retry: { attempts: 2, retry_refused: true, backoff: { kind: 'fixed', base: '1ms' }, jitter: 'none' } });
  for (let time = 0; time < TIMES; time++) {
    const inner = seawall.circuitBreaker({ window: { kind: 'consecutive', failures: 1 }, open_for: '10ms' });
    await assert.rejects(inner.execute(boom), /boom/);
    assert.equal(await outer.execute(() => inner.execute(() => 'answer')), 'answer');
  }
});

test('no attempt and no gap of a stream is cut before its limit', async () => {
  const attempt = seawall.timeout({ attempt: '5ms' });
  const stepped = seawall.policy({ timeout: { attempt: '5ms' }, cache: { ttl: '1m' } });
  for (const policy of [attempt, stepped]) {
    await assertLeast(5, () => assert.rejects(policy.execute(hung, { cacheKey: 'k' }), { code: 'ATTEMPT_TIMEOUT' }));
  }
  const idle = seawall.policy({ timeout: { idle: '5ms' } });
  await assertLeast(5, async () => {
    let asked = 0;
    const stream = idle.stream(async function* () {
      yield 1;
      asked = performance.now();
      await hung();
    });
    await assert.rejects(async () => { for await (const _ of stream); }, { code: 'ATTEMPT_TIMEOUT' });
    return performance.now() - asked;
  });
});

test('who waits for the live call of another waits until his deadline', async () => {
  const policy = seawall.policy({ cache: { ttl: '1m', first: true } });
  let land = (_value: string) => {};
  const first = policy.execute(() => new Promise<string>((resolve) => (land = resolve)), { cacheKey: 'k' });
  let calls = 0;
  for (let time = 0; time < TIMES; time++) {
    await assert.rejects(policy.execute(() => (calls++, hung()), { cacheKey: 'k', deadlineMs: 5 }), { code: 'DEADLINE_EXCEEDED' });
  }
  assert.equal(calls, 0, 'nobody calls for himself with what is left');
  land('landed');
  assert.equal(await first, 'landed');
});
