// The pass path on shared memory, and what could go wrong with it.
import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { execute, Gate } from '../lib/gate.js';
import { hot, mail, TALLY } from '../lib/hot.js';
import * as seawall from '../lib/index.js';
import { native } from '../lib/native.js';
import { Driven } from '../lib/options.js';
import { registry } from '../lib/registry.js';
import { Shape } from '../lib/shape.js';
import { Sandbox } from '../lib/testing.js';

const entry = new URL('../lib/index.js', import.meta.url).href;
const boom = () => Promise.reject(new Error('boom'));
const consecutive = (failures: number) => ({ window: { kind: 'consecutive', failures } }) as const;
const totals = (policy: seawall.Policy) => policy.snapshot()['breaker'].totals;

/** A policy whose gate the test can look into. */
function opened(settings: object = { breaker: consecutive(3) }) {
  const policy = registry().policy(JSON.stringify(settings), 'test');
  const shape = new Shape(policy, registry(), {}).current();
  const driven = new Driven(policy, new Gate(policy), registry(), shape);
  const call = <T>(work: () => T | Promise<T>) => execute<T>(driven, work, undefined);
  const snapshot = () => JSON.parse(policy.snapshot());
  return { gate: driven.gate, call, snapshot, totals: () => snapshot().breaker.totals };
}

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;
async function collect(): Promise<void> {
  for (let i = 0; i < 5; i++) {
    gc();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test('a calm circuit is passed without crossing, and every call is counted', async () => {
  const { gate, call, totals } = opened();
  for (let i = 0; i < 100; i++) await call(async () => i);
  assert.equal(totals().success, 100);
  if (process.env['SEAWALL_GATE'] === 'off') return assert.equal(gate.view.byteLength, 8);
  const before = gate.seen;
  const crossings = { ...hot };
  for (const name of Object.keys(hot)) Object.assign(hot, { [name]: () => assert.fail('a call crossed') });
  try {
    for (let i = 0; i < 100; i++) await call(() => i);
  } finally {
    Object.assign(hot, crossings);
  }
  assert.equal(totals().success, 200);
  assert.equal(gate.seen, before);
  assert.equal(before & 1, 1);
});

test('a streak of failures asks, a success ends it, and the gate passes again', async () => {
  const { gate, call, totals } = opened();
  const passes = () => (gate.view[0]! & 1) === 1;
  await call(() => 1);
  await assert.rejects(call(boom), /boom/);
  await assert.rejects(call(boom), /boom/);
  assert.equal(passes(), false);
  await call(() => 1);
  await call(() => 1);
  await assert.rejects(call(boom), /boom/);
  assert.deepEqual([totals().success, totals().failure], [3, 3]);
});

test('while calls fail, each is counted once and its failure reaches its caller', async () => {
  const { call, totals } = opened({ breaker: { window: { kind: 'count', size: 10 }, failure_rate: 1, minimum_calls: 10 } });
  await call(() => 1);
  for (let i = 0; i < 5; i++) await assert.rejects(call(boom), /boom/);
  await assert.rejects(call(() => { throw new Error('at once'); }), /at once/);
  await assert.rejects(call(() => ({ then: (_: unknown, no: (error: Error) => void) => no(new Error('no promise')) }) as never), /no promise/);
  let begun = 0;
  class Lazy<T> extends Promise<T> {
    override then<A, B>(yes?: ((value: T) => A | PromiseLike<A>) | null, no?: ((error: any) => B | PromiseLike<B>) | null): Promise<A | B> {
      begun++;
      return super.then(yes, no);
    }
  }
  assert.equal(await call(() => Lazy.resolve('lazy')), 'lazy');
  assert.equal(begun, 1, 'a promise that begins when it is asked is asked once');
  assert.equal(await call(() => 2), 2);
  assert.deepEqual([totals().success, totals().failure], [3, 7]);
});

test('slow calls are counted where quick ones pass without crossing', async () => {
  const rule = { window: { kind: 'count', size: 4 }, failure_rate: 1, minimum_calls: 4, slow_call: { longer_than: '300ms', rate: 0.5 } };
  const { gate, call, snapshot } = opened({ breaker: rule });
  for (let i = 0; i < 10; i++) await call(async () => i);
  const slow = () => new Promise((resolve) => setTimeout(resolve, 320));
  if (process.env['SEAWALL_GATE'] !== 'off') assert.equal(gate.view[0], gate.seen, 'calls pass');
  await call(slow);
  assert.equal(snapshot().breaker.state, 'closed');
  await call(slow);
  assert.equal(snapshot().breaker.state, 'open');
});

test('a failure that nobody waits for is told of once, as without a policy', () => {
  const script = `
    const { circuitBreaker } = await import(${JSON.stringify(entry)});
    const policy = circuitBreaker({ window: { kind: 'count', size: 10 }, failure_rate: 1, minimum_calls: 10 });
    const boom = async () => { throw new Error('boom'); };
    let heard = 0;
    process.on('unhandledRejection', () => heard++);
    await policy.execute(() => 1);
    for (let i = 0; i < 4; i++) await policy.execute(boom).catch(() => {});
    policy.execute(boom);
    await new Promise(setImmediate);
    console.log(heard, policy.snapshot().breaker.totals.failure);`;
  const out = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  assert.equal(out.trim(), '1 5');
});

test('who gives up after a failure is heard by nobody but its caller', () => {
  const script = `
    const { policy } = await import(${JSON.stringify(entry)});
    const breaker = { window: { kind: 'count', size: 100 }, failure_rate: 1, minimum_calls: 10 };
    const stops = policy({ breaker, classify: (error) => (error.stop ? 'cancelled' : undefined) });
    const words = policy({ breaker, classify: (error) => { if (error.stop) throw Object.create(null); } });
    const fails = (stop) => async () => { throw Object.assign(new Error('boom'), { stop }); };
    let heard = 0;
    process.on('unhandledRejection', () => heard++);
    for (const each of [stops, words]) {
      for (let i = 0; i < 20; i++) await each.execute(() => i);
      for (const stop of [false, true, true]) await each.execute(fails(stop)).catch((error) => { if (error.message !== 'boom') heard += 100; });
    }
    await new Promise(setImmediate);
    console.log(heard, ...[stops, words].map((each) => each.snapshot().breaker.totals.failure));`;
  const out = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  assert.equal(out.trim(), '0 1 3');
});

for (const failing of [false, true]) {
  test(`a call that other settings overtake ends as it began${failing ? ', after a failure' : ''}`, async () => {
    using _ = new Sandbox();
    const name = `overtaken-${failing}`;
    const policy = seawall.policy({ name, breaker: { window: { kind: 'count', size: 100 }, failure_rate: 1, minimum_calls: 10 } });
    for (let i = 0; i < 20; i++) await policy.execute(() => i);
    if (failing) await assert.rejects(policy.execute(boom), /boom/);
    let end!: () => void;
    const call = policy.execute(() => new Promise((_, reject) => { end = () => reject(new Error('its own')); }));
    const before = totals(policy);
    seawall.configure({ toml: `[policy.${name}.retry]\nattempts = 3\nbackoff = { kind = "fixed", base = "1ms" }\n`, source: 'test.toml' });
    end();
    await assert.rejects(call, /its own/);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual([totals(policy).success, totals(policy).failure], [before.success, before.failure + 1]);
    let tries = 0;
    assert.equal(await policy.execute(() => (tries++ === 0 ? boom() : 'at last')), 'at last');
  });
}

test('a success that comes after the circuit opened is not tallied', async () => {
  const { call, totals } = opened({ breaker: consecutive(1) });
  await call(() => 1);
  let finish = (_value: string) => {};
  const early = call(() => new Promise<string>((resolve) => (finish = resolve)));
  await assert.rejects(call(boom), /boom/);
  finish('late');
  assert.equal(await early, 'late');
  assert.deepEqual([totals().success, totals().stale], [1, 1]);
});

test('where foreign memory is refused every call asks, and counts the same', async () => {
  native.refuseBuffers(true);
  try {
    const { gate, call, totals } = opened();
    for (let i = 0; i < 100; i++) assert.equal(await call(async () => i), i);
    assert.equal(gate.view.byteLength, 8, 'a view of nothing');
    for (let i = 0; i < 3; i++) await assert.rejects(call(boom), /boom/);
    await assert.rejects(call(boom), { code: 'CIRCUIT_OPEN' });
    assert.deepEqual([totals().success, totals().failure], [100, 3]);
  } finally {
    native.refuseBuffers(false);
  }
});

test('a buffer that somebody detaches takes no call with it', async () => {
  const { gate, call, totals } = opened();
  await call(() => 1);
  await call(() => 1);
  const detach = (buffer: ArrayBufferLike) => {
    setFlagsFromString('--allow-natives-syntax');
    runInNewContext('(buffer) => %ArrayBufferDetach(buffer)')(buffer);
    setFlagsFromString('--no-allow-natives-syntax');
  };
  const { buffer } = gate.view;
  let finish = (_value: string) => {};
  const running = call(() => new Promise<string>((resolve) => (finish = resolve)));
  detach(buffer);
  assert.equal(buffer.byteLength, 0);
  finish('counted by asking');
  assert.equal(await running, 'counted by asking');
  for (let i = 0; i < 10; i++) await call(() => i);
  assert.equal(totals().success, 13);
});

test('a tally at the end of its 32 bits goes on in 64', async () => {
  const { gate, call, totals } = opened();
  await call(() => 1);
  if (process.env['SEAWALL_GATE'] === 'off') return;
  hot.view(gate.slot);
  const tally = mail[TALLY]!;
  gate.view[tally] = 2 ** 32 - 3;
  const before = totals().success;
  for (let i = 0; i < 6; i++) await call(() => i);
  assert.equal(totals().success, before + 6);
  assert.deepEqual([gate.view[tally], gate.view[tally + 1]], [3, 1]);
});

test('a policy that is let go of with calls in flight ends them well, and its number is nobody else’s', async () => {
  const finish: ((value: number) => void)[] = [];
  const running = Array.from({ length: 200 }, (_, i) => {
    const policy = seawall.policy({ breaker: consecutive(1), ...(i % 2 ? { retry: { attempts: 1 } } : {}) });
    return policy.execute(() => 0).then(() => policy.execute(() => new Promise<number>((resolve, reject) => finish.push(i % 3 ? resolve : () => reject(new Error('boom'))))));
  });
  await new Promise((resolve) => setImmediate(resolve));
  await collect();
  const others = Array.from({ length: 200 }, () => seawall.circuitBreaker(consecutive(1)));
  finish.forEach((end, i) => end(i));
  const ends = await Promise.allSettled(running);
  assert.deepEqual(ends.map((end) => end.status), ends.map((_, i) => (i % 3 ? 'fulfilled' : 'rejected')));
  for (const other of others) assert.deepEqual([other.state, totals(other).success], ['closed', 0]);
});

test('a key that makes room for others with calls in flight loses none of them', async () => {
  using box = new Sandbox();
  const policy = seawall.policy({ name: 'many keys', breaker: consecutive(1), max_keys: 8 });
  const ends = new Map<string, () => void>();
  const first = policy.at('first');
  const good = first.execute(() => new Promise<string>((resolve) => ends.set('good', () => resolve('good'))));
  const bad = first.execute(() => new Promise<string>((_, reject) => ends.set('bad', () => reject(new Error('boom')))));
  for (let i = 0; i < 100; i++) {
    const other = policy.at(`key ${i}`);
    await assert.rejects(other.execute(boom), /boom/);
    assert.equal(other.state, 'open', `key ${i} has a circuit of its own`);
    other.reset();
  }
  ends.get('good')!();
  ends.get('bad')!();
  assert.equal(await good, 'good');
  await assert.rejects(bad, /boom/);
  assert.equal(first.state, 'open', 'a view that is still held finds its key again');
  await assert.rejects(first.execute(() => 1), { code: 'CIRCUIT_OPEN' });
  await assert.rejects(policy.at('first').execute(() => 1), { code: 'CIRCUIT_OPEN' });
  assert.deepEqual(box.events().filter((event) => event.kind === 'internal'), []);
});

test('where others hold the keys, the views held here make room', async () => {
  using _box = new Sandbox();
  const settings = { name: 'crowded', breaker: consecutive(1), max_keys: 8 } as const;
  const many = Array.from({ length: 6 }, () => seawall.policy(settings));
  for (let i = 0; i < 40; i++) {
    const view = many[i % 6]!.at(`key ${i}`);
    await view.execute(() => 1);
    await assert.rejects(view.execute(boom), /boom/);
    assert.equal(view.state, 'open', `key ${i} is protected`);
    view.reset();
  }
});

test('a key in use keeps its view', () => {
  const policy = seawall.circuitBreaker();
  assert.equal(policy.at('a'), policy.at('a'));
  assert.notEqual(policy.at('a'), policy.at('b'));
});

test('a call that is over holds nothing of its caller', async () => {
  const storage = new AsyncLocalStorage<object>();
  const policy = seawall.policy({ breaker: {}, retry: {}, timeout: { attempt: '1h', deadline: '2h' }, bulkhead: { limit: 1 } });
  const requests: WeakRef<object>[] = [];
  for (let i = 0; i < 5; i++) {
    const request = { i };
    requests.push(new WeakRef(request));
    await storage.run(request, () => policy.execute(async ({ signal }) => [signal.aborted, new Array(1000)]));
  }
  await collect();
  // The engine may still hold the last one in a frame of this loop.
  assert.deepEqual(requests.slice(0, 4).map((request) => request.deref()), [undefined, undefined, undefined, undefined]);
});

const heard = (worker: Worker) => new Promise<any>((resolve, reject) => worker.once('message', resolve).once('error', reject));
/** A thread of the same process that runs `body` with the package as `seawall`. */
const thread = (body: string) => new Worker(
  `const { parentPort } = require('node:worker_threads');
   import(${JSON.stringify(entry)}).then(async (seawall) => { ${body} });`, { eval: true });

test('what another thread configures and switches holds for the next call here', async () => {
  const settings = { name: 'changed-by-another', breaker: consecutive(1) } as const;
  const policy = seawall.policy(settings);
  for (let i = 0; i < 3; i++) await policy.execute(() => i);
  const other = thread(`
    parentPort.on('message', (what) => {
      if (typeof what === 'boolean') seawall.setEnabled(what);
      else seawall.configure({ toml: what });
      parentPort.postMessage('done');
    });
    parentPort.postMessage('ready');`);
  await heard(other);
  const tell = (what: unknown) => (other.postMessage(what), heard(other));
  assert.equal(await policy.execute((attempt) => attempt.remainingMs), undefined);
  await tell('[policy.changed-by-another.timeout]\nattempt = "1m"\n');
  assert.ok((await policy.execute((attempt) => attempt.remainingMs))! > 50_000, 'a limit that was not there before');
  await tell('[policy.changed-by-another.cache]\nttl = "1m"\nfirst = true\n');
  assert.equal(await policy.execute(() => 'live', { cacheKey: 'k' }), 'live');
  assert.equal(await policy.execute(() => 'again', { cacheKey: 'k' }), 'live');
  await tell(false);
  for (let i = 0; i < 3; i++) await assert.rejects(policy.execute(boom), /boom/);
  assert.equal(await policy.execute(() => 'plain'), 'plain');
  await tell(true);
  await assert.rejects(policy.execute(boom), /boom/);
  await assert.rejects(policy.execute(() => 1), { code: 'CIRCUIT_OPEN' });
  await other.terminate();
});

test('threads of one process count what they pass together', async () => {
  const settings = { name: 'counted-together', breaker: { window: { kind: 'count', size: 100 } } } as const;
  const mine = seawall.policy(settings);
  const threads = Array.from({ length: 2 }, () => thread(`
    const policy = seawall.policy(${JSON.stringify(settings)});
    for (let i = 0; i < 20_000; i++) await policy.execute(async () => i);
    parentPort.postMessage('done');`));
  const others = Promise.all(threads.map(heard));
  for (let i = 0; i < 20_000; i++) await mine.execute(async () => i);
  await others;
  assert.equal(totals(mine).success, 60_000);
  await Promise.all(threads.map((thread) => thread.terminate()));
});

test('threads that are ended in the middle of their calls leave everything in order', { timeout: 60_000 }, async () => {
  const settings = {
    name: 'ended-in-mid-call', breaker: { window: { kind: 'count', size: 100 }, failure_rate: 1 },
    bulkhead: { limit: 4, max_wait: '1h' }, retry: { attempts: 3, backoff: { kind: 'fixed', base: '1ms' } }, timeout: { attempt: '2ms' },
  } as const;
  const mine = seawall.policy(settings);
  const lean = seawall.policy({ name: 'ended-on-the-pass-path', breaker: consecutive(1_000_000) });
  for (let round = 0; round < 8; round++) {
    const worker = thread(`
      const [busy, lean] = [seawall.policy(${JSON.stringify(settings)}), seawall.policy({ name: 'ended-on-the-pass-path', breaker: ${JSON.stringify(consecutive(1_000_000))} })];
      const outcomes = [async () => 1, async () => { throw new Error('boom'); }, () => new Promise(() => {}), ({ signal }) => new Promise((_, no) => signal.addEventListener('abort', () => no(signal.reason)))];
      const forever = async (policy, n) => { for (let i = n;; i++) { await policy.execute(outcomes[i % 4]).catch(() => {}); if (i % 50 === 0) await new Promise(setImmediate); } };
      for (let n = 0; n < 8; n++) forever(busy, n);
      const loop = async () => { for (let i = 0;; i++) { await lean.execute(outcomes[i % 10 === 9 ? 1 : 0]).catch(() => {}); if (i % 100 === 0) await new Promise(setImmediate); } };
      loop();
      parentPort.postMessage('running');`);
    await heard(worker);
    await new Promise((resolve) => setTimeout(resolve, 5 + 7 * round));
    await worker.terminate();
    assert.equal(await mine.execute(() => round), round, 'every permit came back');
    assert.equal(await lean.execute(() => round), round);
  }
  assert.equal(mine.snapshot()['bulkhead'].in_use, 0);
  assert.equal(mine.snapshot()['bulkhead'].queued, 0);
  assert.ok(totals(lean).success > 100);
});

test('switched off, nothing passes and everything counts the same', () => {
  const script = `
    const { circuitBreaker } = await import(${JSON.stringify(entry)});
    const { hot } = await import(${JSON.stringify(new URL('../lib/hot.js', import.meta.url).href)});
    let passed = 0;
    const { admit } = hot;
    hot.admit = (...given) => (passed++, admit(...given));
    hot.view = () => { throw new Error('looked'); };
    const policy = circuitBreaker();
    for (let i = 0; i < 50; i++) await policy.execute(() => i);
    console.log(JSON.stringify([passed, policy.snapshot().breaker.totals.success]));`;
  const out = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8', env: { ...process.env, SEAWALL_GATE: 'off' } });
  assert.deepEqual(JSON.parse(out), [0, 50]);
});
