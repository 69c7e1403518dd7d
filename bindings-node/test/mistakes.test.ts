// Bad input: an error at once that says what is wrong and where, or the documented behaviour.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as seawall from '../lib/index.js';
import { Sandbox } from '../lib/testing.js';

const boom = () => Promise.reject(new Error('boom'));
const misuse = { code: 'UNKNOWN_VALUE' };

test('what must be a function and is none is an error at once, with its place', async () => {
  const wrong = (settings: any, path: string) =>
    assert.throws(() => seawall.policy(settings), (error: seawall.ConfigError) =>
      error.code === 'INVALID_CONFIG' && error.kind === 'wrong_type' && error.path === path && error.message.includes(path));
  for (const hook of ['classify', 'onRetry', 'onTimeout', 'onFallback', 'onSlow']) wrong({ retry: {}, [hook]: 'not this' }, `/${hook}`);
  wrong({ fallback: { run: 7 } }, '/fallback/run');
  wrong({ breaker: {}, include: Error }, '/include');
  wrong({ breaker: {}, exclude: [Error, 7] }, '/exclude/1');
  for (const other of [undefined, null, 7]) assert.throws(() => seawall.policy(other as any), { code: 'UNKNOWN_VALUE', message: `policy needs a name or settings, not ${other}` });
  const policy = seawall.circuitBreaker();
  assert.throws(() => policy.wrap(7 as any), misuse);
  assert.throws(() => policy.stream('s' as any), misuse);
  assert.throws(() => policy.listen(null as any), misuse);
  assert.throws(() => policy.onOpen({} as any), misuse);
  assert.throws(() => seawall.listen(1 as any), misuse);
  assert.throws(() => (seawall.compose as any)(), misuse);
  assert.throws(() => (seawall.compose as any)(policy, {}), misuse);
  assert.throws(() => seawall.compose(policy).wrap(1 as any), misuse);
});

test('wrong options of a call are a rejection, and the function is not called', async () => {
  const policy = seawall.circuitBreaker();
  let called = false;
  for (const options of [{ signal: 'x' }, { deadlineMs: '5s' }, { deadlineMs: NaN }, { deadlineMs: -1 }, { cacheKey: 7 }, { estimate: null }, { onFinish: 1 }] as any[]) {
    await assert.rejects(policy.execute(() => (called = true), options), { code: 'UNKNOWN_VALUE' });
  }
  assert.equal(called, false);
});

test('an option that nobody reads is an error that names those there are', async () => {
  const policy = seawall.policy({ breaker: {}, bulkhead: { limit: 1 }, retry: {} });
  let called = false;
  const execute = (options: any) => policy.execute(() => (called = true), options);
  await assert.rejects(execute({ deadline: 500 }), { code: 'UNKNOWN_VALUE', message: 'a call has no option `deadline`; there are signal, deadlineMs, cacheKey, estimate, onFinish' });
  await assert.rejects(execute(Object.create({ timeoutMs: 5 })), /no option `timeoutMs`/);
  await assert.rejects(execute(null), { code: 'UNKNOWN_VALUE', message: 'the options of a call must be an object, not null' });
  await assert.rejects(execute(500), { code: 'UNKNOWN_VALUE', message: 'the options of a call must be an object, not a number' });
  await assert.rejects(seawall.compose(policy).execute(() => (called = true), { deadline: 500 } as any), misuse);
  await assert.rejects(policy.stream(async function* () { called = true; }, { deadline: 500 } as any).next(), misuse);
  assert.equal(called, false);
  assert.throws(() => policy.enter({ maxWait: 5 } as any), { message: 'enter has no option `maxWait`; there is maxWaitMs' });
  using permit = policy.acquire();
  assert.throws(() => permit.record('failure', { took: 5 } as any), /record has no option `took`/);
  assert.throws(() => permit.record('failure', { tookMs: 'long' } as any), { code: 'UNKNOWN_VALUE', message: / not a string$/ });
  permit.record('failure');
  assert.equal(policy.snapshot()['breaker'].totals.failure, 1, 'a mistake used nothing up');
  assert.throws(() => policy.schedule().next('failure', { retryAfter: 5 } as any), /next has no option `retryAfter`/);
  assert.throws(() => policy.schedule().next('failure', { elapsedMs: NaN }), { code: 'UNKNOWN_VALUE', message: / not NaN$/ });
  assert.throws(() => policy.schedule().next('failure', { retryAfterMs: NaN }), misuse);
  assert.deepEqual(policy.schedule().next('failure', { retryAfterMs: -1 }), { stop: 'server' }, 'a server may want no retry');
});

test('what JSON has no word for is an error and not left out', () => {
  const wrong = (settings: any, path: string) =>
    assert.throws(() => seawall.policy(settings), (error: seawall.ConfigError) => error.code === 'INVALID_CONFIG' && error.kind === 'wrong_type' && error.path === path);
  wrong({ bulkhead: { limit: NaN } }, '/bulkhead/limit');
  wrong({ bulkhead: { limit: 5n } }, '/bulkhead/limit');
  wrong({ retry: { attempts: Infinity } }, '/retry/attempts');
  wrong({ retry: { attempts: () => 3 } }, '/retry/attempts');
  wrong({ retry: { on: [Symbol('failure')] } }, '/retry/on/0');
  wrong({ name: '\ud800', breaker: {} }, '/name');
  const round: any = { breaker: {} };
  round.breaker.self = round;
  assert.throws(() => seawall.policy(round), { code: 'INVALID_CONFIG' });
  assert.equal(seawall.policy({ retry: { attempts: undefined } }).config()['retry'].attempts, 3);
});

test('by hand too: numbers are numbers, outcomes have names, keys are text', () => {
  const policy = seawall.policy({ breaker: {}, bulkhead: { limit: 1 }, retry: {} });
  assert.throws(() => policy.open('5s' as any), misuse);
  assert.throws(() => policy.open(-1), misuse);
  assert.throws(() => policy.openUntil(NaN), misuse);
  assert.equal(policy.state, 'closed', 'none of it opened the circuit');
  assert.throws(() => policy.resize('5' as any), misuse);
  assert.throws(() => policy.enter({ maxWaitMs: '1s' as any }), misuse);
  assert.throws(() => policy.at(5 as any), misuse);
  using permit = policy.acquire();
  assert.throws(() => permit.record('fine' as any), misuse);
  permit.record('failure');
  assert.equal(policy.snapshot()['breaker'].totals.failure, 1, 'a mistake used nothing up');
  assert.throws(() => policy.schedule().next('fine' as any), misuse);
  assert.throws(() => seawall.configure(undefined as any), misuse);
  assert.throws(() => seawall.configure({ toml: 5 as any }), misuse);
  assert.throws(() => seawall.configure({ path: '/no/such/file.toml' }), { code: 'INVALID_CONFIG' });
  assert.throws(() => seawall.setEnabled('no' as any), { code: 'UNKNOWN_VALUE', message: 'setEnabled needs true or false, not a string' });
  assert.throws(() => seawall.setEnabled(0 as any), { code: 'UNKNOWN_VALUE', message: 'setEnabled needs true or false, not 0' });
  assert.throws(() => new (seawall.Policy as any)(), misuse);
});

test('a classifier that answers nonsense has not judged, and is told of', async () => {
  for (const nonsense of ['so so', {}, { outcome: 'throttled', retryAfterMs: 'soon' }, 7, null, Promise.resolve('failure'), 'toString']) {
    using box = new Sandbox();
    const policy = seawall.policy({ breaker: { window: { kind: 'consecutive', failures: 2 } }, classify: () => nonsense as any });
    assert.equal(await policy.execute(() => 'fine'), 'fine');
    await assert.rejects(policy.execute(boom), /boom/);
    const { success, failure } = policy.snapshot()['breaker'].totals;
    assert.deepEqual([success, failure], [1, 1], `${String(nonsense)} left it to the tables`);
    assert.equal(box.events().filter((event) => event.kind === 'internal').length, 2);
  }
});

test('limits beyond all timers, and none at all', async () => {
  const policy = seawall.policy({ retry: { attempts: 10_000_000 }, timeout: { attempt: '8784h', deadline: '8784h' } });
  for (const deadlineMs of [Infinity, Number.MAX_VALUE, 2 ** 31]) {
    assert.equal(await policy.execute(async () => (await new Promise((resolve) => setImmediate(resolve)), 'in time'), { deadlineMs }), 'in time');
  }
  await assert.rejects(policy.execute(() => 'late', { deadlineMs: 0 }), { code: 'DEADLINE_EXCEEDED' });
});

test('names and keys of any length and kind', async () => {
  assert.throws(() => seawall.policy({ name: '', breaker: {} }), { code: 'INVALID_CONFIG', path: '/name' });
  assert.throws(() => seawall.policy({ name: 'n'.repeat(10_240), breaker: {} }), { code: 'INVALID_CONFIG', path: '/name' });
  assert.throws(() => seawall.policy({ name: 'a\u0000b', breaker: {} }), { code: 'INVALID_CONFIG', path: '/name' });
  const policy = seawall.circuitBreaker({ window: { kind: 'consecutive', failures: 1 } });
  for (const key of ['', '\ud800', 'ключ', '\u0000', 'k'.repeat(10_240)]) {
    assert.equal(await policy.at(key).execute(() => key), key);
  }
});
