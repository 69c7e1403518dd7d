import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { test } from 'node:test';
import * as seawall from '../lib/index.js';
import { REFUSALS } from '../lib/errors.js';
import { Sandbox } from '../lib/testing.js';

const boom = () => Promise.reject(new Error('boom'));

test('a value comes out and an error passes through untouched', async () => {
  const breaker = seawall.circuitBreaker({ window: { kind: 'consecutive', failures: 2 } });
  assert.equal(await breaker.execute(() => 7), 7);
  const error = new Error('mine');
  await assert.rejects(breaker.execute(() => Promise.reject(error)), (thrown) => thrown === error);
});

test('an open circuit rejects with its state and the time left', async () => {
  const box = new Sandbox();
  const breaker = seawall.circuitBreaker({ window: { kind: 'consecutive', failures: 1 }, open_for: '5s' }, { name: 'identity' });
  await assert.rejects(breaker.execute(boom), /boom/);
  await assert.rejects(breaker.execute(() => 1), (error: seawall.CircuitOpenError) => {
    assert.equal(error.code, 'CIRCUIT_OPEN');
    assert.equal(error.state, 'open');
    assert.equal(error.retryAfterMs, 5000);
    assert.match(error.message, /identity/);
    return seawall.isSeawallError(error);
  });
  box.advance(5000);
  assert.equal(await breaker.execute(() => 1), 1);
  assert.equal(breaker.state, 'closed');
  box[Symbol.dispose]();
});

test('retries wait on the manual clock and tell their hook', async () => {
  const box = new Sandbox();
  const seen: [number, number][] = [];
  const policy = seawall.retry({ attempts: 3, backoff: { kind: 'fixed', base: '1s' }, jitter: 'none' }, { onRetry: (n, _e, ms) => seen.push([n, ms]) });
  let calls = 0;
  assert.equal(await policy.execute(() => (++calls < 3 ? boom() : 'third')), 'third');
  assert.deepEqual(seen, [[1, 1000], [2, 1000]]);
  assert.equal(box.nowMs, 2000);
  box[Symbol.dispose]();
});

test('a caller that gives up during a backoff ends the call at once', async () => {
  const policy = seawall.retry({ attempts: 3, backoff: { kind: 'fixed', base: '60s' }, jitter: 'none' });
  const caller = new AbortController();
  let calls = 0;
  const running = policy.execute(() => (calls++, boom()), { signal: caller.signal });
  setImmediate(() => caller.abort(new Error('enough')));
  await assert.rejects(running, /enough/);
  assert.equal(calls, 1);
});

test('an attempt that runs out of time is aborted and the caller released', async () => {
  const policy = seawall.timeout({ attempt: '20ms' }, { name: 'slow' });
  let reason: unknown;
  const running = policy.execute(({ signal }) => new Promise(() => signal.addEventListener('abort', () => (reason = signal.reason))));
  await assert.rejects(running, (error: seawall.TimedOutError) => error.code === 'ATTEMPT_TIMEOUT' && error.limitMs === 20);
  assert.ok(seawall.isSeawallError(reason));
});

test('a queued call goes on in the context of its own caller', async () => {
  const storage = new AsyncLocalStorage<number>();
  const policy = seawall.bulkhead({ limit: 1, max_wait: '5s' });
  const seen: boolean[] = [];
  const calls = Array.from({ length: 20 }, (_, i) =>
    storage.run(i, () => policy.execute(async () => {
      await new Promise((resolve) => setImmediate(resolve));
      seen.push(storage.getStore() === i);
    })));
  await Promise.all(calls);
  assert.deepEqual(seen, Array(20).fill(true));
});

test('first come first served, never more than the limit inside', async () => {
  const policy = seawall.bulkhead({ limit: 2, max_wait: '5s' });
  let inside = 0;
  let most = 0;
  const order: number[] = [];
  await Promise.all(Array.from({ length: 10 }, (_, i) => policy.execute(async () => {
    order.push(i);
    most = Math.max(most, ++inside);
    await new Promise((resolve) => setImmediate(resolve));
    inside--;
  })));
  assert.equal(most, 2);
  assert.deepEqual(order, [...order].sort((a, b) => a - b));
  assert.equal(policy.snapshot()['bulkhead'].in_use, 0);
});

test('permits go back by themselves and report once', () => {
  const box = new Sandbox();
  const policy = seawall.policy({ breaker: { window: { kind: 'consecutive', failures: 1 }, open_for: '1s' } });
  policy.acquire().failure();
  box.advance(1000);
  const probe = policy.acquire();
  assert.equal(policy.tryAcquire(), undefined);
  probe[Symbol.dispose]();
  probe.failure();
  assert.equal(policy.state, 'half_open');
  policy.acquire().success();
  assert.equal(policy.state, 'closed');
  box[Symbol.dispose]();
});

test('the last good result answers while the dependency is down', async () => {
  const box = new Sandbox();
  const policy = seawall.policy({ cache: { ttl: '1m', stale_for: '1h' }, fallback: { chain: ['cached', 'stale', 'fail_closed'] } });
  assert.equal(await policy.execute(() => 'live', { cacheKey: 'a' }), 'live');
  assert.equal(await policy.execute(boom as () => Promise<string>, { cacheKey: 'a' }), 'live');
  assert.equal(await policy.execute(boom, { cacheKey: 'b' }), false);
  box.advance(120_000);
  assert.equal(await policy.execute(boom as () => Promise<string>, { cacheKey: 'a' }), 'live');
  assert.deepEqual(box.events().map((event) => event.kind), ['fell_back', 'fell_back', 'stale_served']);
  box[Symbol.dispose]();
});

test('programming errors say nothing about the dependency', async () => {
  const policy = seawall.circuitBreaker({ window: { kind: 'consecutive', failures: 1 } });
  await assert.rejects(policy.execute(() => (undefined as any).nothing), TypeError);
  assert.equal(policy.state, 'closed');
  await assert.rejects(policy.execute(() => Promise.reject(new TypeError('fetch failed', { cause: { code: 'ECONNREFUSED' } }))), TypeError);
  assert.equal(policy.state, 'open');
});

test('a response is classed by its status and returned unchanged', async () => {
  const policy = seawall.circuitBreaker({ window: { kind: 'consecutive', failures: 1 } });
  const response = { status: 503, headers: {} };
  assert.equal(await policy.execute(() => response), response);
  assert.equal(policy.state, 'open');
});

test('hooks, classifiers and listeners that throw change no outcome', async () => {
  const box = new Sandbox();
  const policy = seawall.policy({
    retry: { attempts: 2, backoff: { kind: 'fixed', base: '1s' }, jitter: 'none' },
    classify: () => { throw new Error('classifier'); },
    onRetry: () => { throw new Error('hook'); },
  });
  const listening = box.listen(() => { throw new Error('listener'); });
  let calls = 0;
  assert.equal(await policy.execute(() => (++calls === 1 ? boom() : 'ok')), 'ok');
  listening[Symbol.dispose]();
  box[Symbol.dispose]();
});

test('a listener hears of a transition', async () => {
  const box = new Sandbox();
  const policy = seawall.circuitBreaker({ window: { kind: 'consecutive', failures: 1 } });
  const seen: string[] = [];
  const listening = policy.onOpen((event) => seen.push(`${event.from} ${event.to} ${event.reason}`));
  await assert.rejects(policy.execute(boom));
  assert.deepEqual(seen, ['closed open consecutive_failures']);
  listening[Symbol.dispose]();
  box[Symbol.dispose]();
});

test('a nested call inherits the smaller deadline', async () => {
  const box = new Sandbox();
  const outer = seawall.timeout({ deadline: '2s' });
  const inner = seawall.timeout({ attempt: '10s' });
  const left = await outer.execute(() => inner.execute((attempt) => attempt.remainingMs));
  assert.equal(left, 2000);
  box[Symbol.dispose]();
});

test('composed policies nest as written', async () => {
  const box = new Sandbox();
  const retry = seawall.retry({ attempts: 3, backoff: { kind: 'fixed', base: '1s' }, jitter: 'none' });
  const breaker = seawall.circuitBreaker({ window: { kind: 'consecutive', failures: 2 } });
  let calls = 0;
  await assert.rejects(seawall.compose(retry, breaker).execute(() => (calls++, boom())), (error: seawall.SeawallError) => error.code === 'CIRCUIT_OPEN');
  assert.equal(calls, 2);
  box[Symbol.dispose]();
});

test('wrap keeps this and arguments, the decorator too', async () => {
  const policy = seawall.circuitBreaker();
  const owner = { factor: 3, times: policy.wrap(function (this: { factor: number }, n: number) { return this.factor * n; }) };
  assert.equal(await owner.times(2), 6);
});

test('mistakes are errors at once, with their place', async () => {
  const wrong = (settings: any, kind: string, path: string) =>
    assert.throws(() => seawall.policy(settings), (error: seawall.ConfigError) => error.kind === kind && error.path === path && error.code === 'INVALID_CONFIG');
  wrong({ retry: { attemps: 3 } }, 'unknown_option', '/retry/attemps');
  wrong({ timeout: { attempt: 5 } }, 'missing_unit', '/timeout/attempt');
  wrong({ bulkhead: { limit: 0 } }, 'out_of_range', '/bulkhead/limit');
  wrong({ breaker: { failure_rate: 2, window: { kind: 'count', size: 10 } } }, 'out_of_range', '/breaker/failure_rate');
  wrong({ name: 'n'.repeat(10_240) }, 'bad_name', '/name');
  assert.throws(() => seawall.policy('nobody-declared-this'), (error: seawall.ConfigError) => error.path === '/policy/nobody-declared-this');
  await assert.rejects(seawall.retry().execute(7 as any), { code: 'UNKNOWN_VALUE' });
  assert.throws(() => seawall.retry().wrap('no' as any), { code: 'UNKNOWN_VALUE' });
});

test('a part that is missing is named', () => {
  const retry = seawall.policy({ name: 'again', retry: { attempts: 2 } });
  const lacks = (part: string, use: () => unknown) =>
    assert.throws(use, { code: 'NO_SUCH_PART', message: `again: the policy has no \`${part}\`, which this call is about: add it to its settings` });
  lacks('breaker', () => retry.open());
  lacks('breaker', () => retry.acquire());
  lacks('bulkhead', () => retry.resize(2));
  lacks('bulkhead', () => retry.enter());
  lacks('retry.budget', () => retry.budget);
  lacks('cost', () => retry.reserve({ tokens: 1 }));
  assert.throws(() => seawall.circuitBreaker().schedule(), { code: 'NO_SUCH_PART', message: /no `retry`/ });
});

test('every refusal of the core has a class', () => {
  const refusals = Object.entries(seawall.CODES).filter(([, number]) => number >= 16 && number < 64).map(([name]) => name);
  assert.deepEqual(Object.keys(REFUSALS).sort(), refusals.sort());
});

test('metrics and the off switch', async () => {
  const box = new Sandbox();
  const policy = seawall.policy({ name: 'identity', breaker: { window: { kind: 'consecutive', failures: 1 } } });
  await assert.rejects(policy.execute(boom));
  assert.match(seawall.metrics(), /seawall_breaker_state\{name="identity",scope="process",state="open"\} 1/);
  seawall.setEnabled(false);
  assert.equal(await policy.execute(() => 'plain'), 'plain');
  box[Symbol.dispose]();
});


test('growing a bulkhead lets its waiters in', async () => {
  const policy = seawall.bulkhead({ limit: 1, max_wait: '1h' });
  const held = policy.enter() as seawall.BulkheadPermit;
  const running = policy.execute(() => 'in');
  await new Promise((resolve) => setImmediate(resolve));
  policy.resize(2);
  assert.equal(await running, 'in');
  held.release();
});

test('a configuration that widens a bulkhead lets its waiters in', async () => {
  const toml = (limit: number) => `[policy.widened.bulkhead]\nlimit = ${limit}\nmax_wait = "1h"\n`;
  seawall.configure({ toml: toml(1) });
  const policy = seawall.policy('widened');
  const held = policy.enter() as seawall.BulkheadPermit;
  const running = policy.execute(() => 'in');
  await new Promise((resolve) => setImmediate(resolve));
  seawall.configure({ toml: toml(2) });
  assert.equal(await running, 'in');
  held.release();
});
