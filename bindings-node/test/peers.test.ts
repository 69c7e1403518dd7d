// What goes wrong in the libraries that people come from, one test each.
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import * as seawall from '../lib/index.js';
import { Sandbox } from '../lib/testing.js';

const boom = () => Promise.reject(new Error('boom'));

test('a caller that gives up in the queue leaves it at once', async () => {
  const policy = seawall.bulkhead({ limit: 1, max_wait: '1h' });
  const held = policy.enter() as seawall.BulkheadPermit;
  const caller = new AbortController();
  let ran = false;
  const running = policy.execute(() => (ran = true), { signal: caller.signal });
  setImmediate(() => caller.abort(new Error('enough')));
  await assert.rejects(running, /enough/);
  held.release();
  assert.equal(await policy.execute(() => 'free'), 'free');
  assert.equal(ran, false);
});

test('a result from before the circuit opened decides nothing', async () => {
  using box = new Sandbox();
  const breaker = seawall.circuitBreaker({ window: { kind: 'consecutive', failures: 1 }, open_for: '5s' });
  let finish = (_value: string) => {};
  const early = breaker.execute(() => new Promise<string>((resolve) => (finish = resolve)));
  await assert.rejects(breaker.execute(boom), /boom/);
  box.advance(5000);
  assert.equal(breaker.state, 'half_open');
  finish('late');
  assert.equal(await early, 'late');
  assert.equal(breaker.state, 'half_open');
});

test('retries end when the circuit opens, with the error of the dependency', async () => {
  using _box = new Sandbox();
  const policy = seawall.policy({ breaker: { window: { kind: 'consecutive', failures: 2 } }, retry: { attempts: 9 } });
  let calls = 0;
  await assert.rejects(policy.execute(() => (calls++, boom())), /boom/);
  assert.equal(calls, 2);
});

test('a call that ended leaves no timer and no listener', async () => {
  const policy = seawall.policy({ timeout: { attempt: '60s', deadline: '60s' }, retry: {}, breaker: {} });
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  const { signal } = new AbortController();
  let listeners = 0;
  const { addEventListener: add, removeEventListener: remove } = signal;
  signal.addEventListener = (...given: Parameters<typeof add>) => (listeners++, add.apply(signal, given));
  signal.removeEventListener = (...given: Parameters<typeof remove>) => (listeners--, remove.apply(signal, given));
  const before = timers();
  for (let call = 0; call < 100; call++) await policy.execute(() => call, { signal });
  assert.equal(timers(), before);
  assert.equal(listeners, 0);
});

test('one timeout aborts its own call alone', async () => {
  const policy = seawall.timeout({ attempt: '300ms' });
  const signals: AbortSignal[] = [];
  const hung = policy.execute(({ signal }) => (signals.push(signal), new Promise(() => {})));
  const quick = policy.execute(({ signal }) => (signals.push(signal), 'quick'));
  assert.equal(await quick, 'quick');
  await assert.rejects(hung, (error: seawall.SeawallError) => error.code === 'ATTEMPT_TIMEOUT');
  assert.deepEqual(signals.map((signal) => signal.aborted), [true, false]);
});

test('a function without a result is a success', async () => {
  const breaker = seawall.circuitBreaker();
  assert.equal(await breaker.execute(() => undefined), undefined);
  assert.equal(breaker.state, 'closed');
});

test('a timeout follows fake timers', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const running = seawall.timeout({ attempt: '10s' }).execute(() => new Promise(() => {}));
    mock.timers.tick(10_000);
    await assert.rejects(running, (error: seawall.SeawallError) => error.code === 'ATTEMPT_TIMEOUT');
  } finally {
    mock.timers.reset();
  }
});
