// What calls share, inherit and are judged by.
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import * as seawall from '../lib/index.js';
import { Sandbox } from '../lib/testing.js';

const boom = () => Promise.reject(new Error('boom'));
const soon = () => new Promise((resolve) => setImmediate(resolve));
const consecutive = (failures: number) => ({ window: { kind: 'consecutive', failures } }) as const;
const hung = () => new Promise<never>(() => {});

// ---- one live call for a key ----

test('three calls at once for one key make one live call', async () => {
  const policy = seawall.policy({ cache: { ttl: '1m', first: true } });
  let live = 0;
  const ask = (key: string) => policy.execute(async () => (live++, await soon(), `value of ${key}`), { cacheKey: key });
  assert.deepEqual(await Promise.all([ask('a'), ask('a'), ask('a'), ask('b')]), ['value of a', 'value of a', 'value of a', 'value of b']);
  assert.equal(live, 2);
});

test('who waits for a live call that fails makes the next one', async () => {
  const policy = seawall.policy({ cache: { ttl: '1m', first: true } });
  let live = 0;
  const ask = () => policy.execute(async () => {
    live++;
    await soon();
    if (live === 1) throw new Error('boom');
    return 'value';
  }, { cacheKey: 'a' });
  const ends = await Promise.allSettled([ask(), ask(), ask()]);
  assert.deepEqual(ends.map((end) => end.status), ['rejected', 'fulfilled', 'fulfilled']);
  assert.equal(live, 2);
});

test('who waits for another’s live call may give up, and has a deadline of its own', async () => {
  const policy = seawall.policy({ cache: { ttl: '1m', first: true } });
  let land = (_value: string) => {};
  const first = policy.execute(() => new Promise<string>((resolve) => (land = resolve)), { cacheKey: 'a' });
  const caller = new AbortController();
  const leaver = policy.execute(hung, { cacheKey: 'a', signal: caller.signal });
  const late = policy.execute(hung, { cacheKey: 'a', deadlineMs: 20 });
  caller.abort(new Error('enough'));
  await assert.rejects(leaver, /enough/);
  await assert.rejects(late, { code: 'DEADLINE_EXCEEDED' });
  land('landed');
  assert.equal(await first, 'landed');
});

test('a call inside the live call for its own key does not wait for itself', { timeout: 5000 }, async () => {
  const policy = seawall.policy({ cache: { ttl: '1m', first: true } });
  const value = await policy.execute(() => policy.execute(() => 'inner', { cacheKey: 'a' }), { cacheKey: 'a' });
  assert.equal(value, 'inner');
});

test('views for different keys share no values', async () => {
  const policy = seawall.policy({ cache: { ttl: '1m', first: true } });
  const ask = (model: string) => policy.at(model).execute(() => `answer of ${model}`, { cacheKey: 'question' });
  assert.deepEqual([await ask('a'), await ask('b'), await ask('a')], ['answer of a', 'answer of b', 'answer of a']);
  policy.at('c').remember('question', 'remembered');
  assert.equal(await ask('c'), 'remembered');
  assert.equal(await policy.execute(() => 'answer of none', { cacheKey: 'question' }), 'answer of none');
});

// ---- what an inner call inherits ----

test('an outer caller that gives up ends the inner calls too', async () => {
  const outer = seawall.policy({ breaker: {} });
  const inner = seawall.policy({ retry: { attempts: 5, backoff: { kind: 'fixed', base: '1h' }, jitter: 'none' } });
  const caller = new AbortController();
  let calls = 0;
  let end: unknown;
  const running = outer.execute(async () => {
    await soon();
    return inner.execute(() => (calls++, boom())).catch((error: unknown) => { throw (end = error); });
  }, { signal: caller.signal });
  await soon();
  await soon();
  caller.abort(new Error('enough'));
  await assert.rejects(running, /enough/);
  await soon();
  assert.match(String(end), /enough/);
  assert.equal(calls, 1);
});

test('an outer attempt that runs out of time ends the inner ones, which blame nobody', async () => {
  const outer = seawall.timeout({ attempt: '300ms' });
  const inner = seawall.policy({ name: 'inner', breaker: consecutive(1), retry: { attempts: 3 } });
  let reason: unknown;
  await assert.rejects(
    outer.execute(async () => {
      await soon();
      return inner.execute(({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject((reason = signal.reason)))));
    }),
    { code: 'ATTEMPT_TIMEOUT' });
  await soon();
  assert.ok(seawall.isSeawallError(reason));
  assert.deepEqual([inner.state, inner.snapshot()['breaker'].totals.failure], ['closed', 0]);
});

test('composed policies hand cache key and deadline on', async () => {
  const box = new Sandbox();
  const inner = seawall.policy({ cache: { ttl: '1m', first: true }, timeout: { attempt: '1h' } });
  const both = seawall.compose(seawall.circuitBreaker(), inner);
  let left: number | undefined;
  const first = await both.execute((attempt) => ((left = attempt.remainingMs), 'live'), { cacheKey: 'k', deadlineMs: 5000 });
  assert.deepEqual([first, left], ['live', 5000]);
  assert.equal(await both.execute(() => 'again', { cacheKey: 'k' }), 'live');
  box[Symbol.dispose]();
});

// ---- what counts ----

class Missing extends Error {}

test('errors of a list are ignored, or the only ones that count', async () => {
  const except = seawall.policy({ breaker: consecutive(1), exclude: [Missing, 'E_MINE', 'AbortedByUser'] });
  const fails = (error: unknown) => () => Promise.reject(error);
  await assert.rejects(except.execute(fails(new Missing())), Missing);
  await assert.rejects(except.execute(fails(Object.assign(new Error('coded'), { code: 'E_MINE' }))), /coded/);
  await assert.rejects(except.execute(fails(Object.assign(new Error('named'), { name: 'AbortedByUser' }))), /named/);
  assert.deepEqual([except.state, except.snapshot()['breaker'].totals.ignored], ['closed', 3]);
  await assert.rejects(except.execute(boom), /boom/);
  assert.equal(except.state, 'open');

  const only = seawall.policy({ breaker: consecutive(1), include: [Missing] });
  await assert.rejects(only.execute(boom), /boom/);
  assert.equal(only.state, 'closed');
  await assert.rejects(only.execute(fails(new Missing())), Missing);
  assert.equal(only.state, 'open');
});

test('what classify says goes before the lists', async () => {
  const policy = seawall.policy({ breaker: consecutive(1), exclude: [Missing], classify: (error) => (error instanceof Missing ? 'failure' : undefined) });
  await assert.rejects(policy.execute(() => Promise.reject(new Missing())), Missing);
  assert.equal(policy.state, 'open');
});

test('classifiers, hooks and listeners that throw change no outcome and are told of', async () => {
  using box = new Sandbox();
  const oops = (what: string) => () => { throw new Error(`${what} of mine`); };
  const policy = seawall.policy({
    breaker: {}, retry: { attempts: 2, backoff: { kind: 'fixed', base: '1s' }, jitter: 'none' }, timeout: { slow_after: '1ms' }, fallback: { value: 'instead' },
    classify: oops('classify'), onRetry: oops('onRetry'), onFallback: oops('onFallback'), onSlow: oops('onSlow'),
  });
  using _listening = policy.listen(oops('listener'));
  assert.equal(await policy.execute(() => (box.advance(5), boom())), 'instead');
  const told = box.events().filter((event) => event.kind === 'internal').map((event) => event.detail);
  for (const what of ['classify', 'onRetry', 'onFallback', 'onSlow', 'listener']) {
    assert.ok(told.some((detail) => detail?.includes(`${what} of mine`)), `${what}: ${told.join('; ')}`);
  }
  const lean = seawall.policy({ breaker: {}, classify: oops('classify') });
  assert.equal(await lean.execute(() => 'fine', { onFinish: oops('onFinish') }), 'fine');
  assert.equal(await lean.execute(() => 'fine'), 'fine');
  assert.deepEqual([lean.state, lean.snapshot()['breaker'].totals.success], ['closed', 2]);
  await assert.rejects(lean.execute(boom), /boom/);
});

test('errors of every shape pass through untouched', async () => {
  const sly = new Proxy(new Error('sly'), { get: (of, key) => { if (key === 'name' || key === 'code') throw new Error('no'); return Reflect.get(of, key); } });
  for (const error of [undefined, null, 0, '', 'text', Symbol('s'), {}, Object.freeze(new Error('frozen')), Object.create(null), sly]) {
    for (const policy of [seawall.circuitBreaker(), seawall.retry({ attempts: 1 }), seawall.timeout({ attempt: '1m' })]) {
      const [end] = await Promise.allSettled([policy.execute(() => Promise.reject(error))]);
      assert.ok(end?.status === 'rejected' && end.reason === error);
      const thrown = await policy.execute(() => { throw error; }).then(() => 'came out', (reason) => reason === error);
      assert.equal(thrown, true);
    }
  }
});

test('the function of a fallback is given the error and the arguments', async () => {
  const seen: unknown[] = [];
  const policy = seawall.fallback({ run: (error, ...rest) => (seen.push(String(error), ...rest), 'instead') });
  const greet = policy.wrap(async (name: string, times: number): Promise<string> => { throw new Error(`no ${name} ${times}`); });
  assert.equal(await greet('ada', 2), 'instead');
  assert.deepEqual(seen, ['Error: no ada 2', 'ada', 2]);
});

// ---- fake timers ----

test('waits between retries and in a queue follow fake timers', async () => {
  const settled = async () => { for (let i = 0; i < 20; i++) await Promise.resolve(); };
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    let calls = 0;
    const retrying = seawall.retry({ attempts: 3, backoff: { kind: 'fixed', base: '10m' }, jitter: 'none' }).execute(() => (++calls < 3 ? boom() : calls));
    await settled();
    assert.equal(calls, 1);
    mock.timers.tick(599_999);
    await settled();
    assert.equal(calls, 1);
    mock.timers.tick(1);
    await settled();
    assert.equal(calls, 2);
    mock.timers.tick(600_000);
    assert.equal(await retrying, 3);

    const bulkhead = seawall.bulkhead({ limit: 1, max_wait: '1h' });
    const held = bulkhead.enter() as seawall.BulkheadPermit;
    const queued = bulkhead.execute(() => 'in');
    await settled();
    held.release();
    mock.timers.tick(1000);
    assert.equal(await queued, 'in');
  } finally {
    mock.timers.reset();
  }
});
