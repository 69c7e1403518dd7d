import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import * as seawall from '../lib/index.js';

const entry = new URL('../package/index.js', import.meta.url).href;

function node(script: string, env: Record<string, string> = {}): string {
  return execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8', env: { ...process.env, ...env }, timeout: 20_000 });
}

test('no timer keeps the process alive', () => {
  const out = node(`
    const { policy, listen } = await import(${JSON.stringify(entry)});
    listen(() => {});
    const p = policy({ timeout: { attempt: '60s' }, retry: {}, bulkhead: { limit: 1, max_wait: '60s' }, breaker: {} });
    console.log(await p.execute(() => 'done'));`);
  assert.equal(out.trim(), 'done');
});

test('nothing that has ended keeps the process alive, however it ended', () => {
  const begun = Date.now();
  const out = node(`
    const s = await import(${JSON.stringify(entry)});
    const hung = () => new Promise(() => {});
    const p = s.policy({ timeout: { attempt: '20ms', deadline: '60s' }, retry: { attempts: 2, backoff: { kind: 'fixed', base: '1ms' } }, bulkhead: { limit: 1, max_wait: '60s' }, cache: { ttl: '1m', first: true } });
    const ends = [];
    const end = (running) => running.then(() => ends.push('value'), (error) => ends.push(error.code ?? error.message));
    await end(p.execute(hung, { cacheKey: 'k' }));
    const caller = new AbortController();
    const held = p.enter();
    const queued = end(p.execute(hung, { signal: caller.signal }));
    const waiting = end(s.retry({ attempts: 9, backoff: { kind: 'fixed', base: '60s' }, jitter: 'none' }).execute(() => Promise.reject(new Error('boom')), { signal: caller.signal }));
    setTimeout(() => caller.abort(new Error('enough')), 10);
    await Promise.all([queued, waiting]);
    held.release();
    s.policy({ breaker: { window: { kind: 'consecutive', failures: 1 }, open_for: '1h' } }).open();
    p.onOpen(() => {});
    for await (const item of p.stream(async function* () { for (let i = 0; ; i++) yield i; })) if (item === 3) break;
    await end(s.fallback({ run: () => 'instead' }).execute(() => Promise.reject(new Error('boom'))));
    console.log(ends.join());`);
  assert.equal(out.trim(), 'ATTEMPT_TIMEOUT,enough,enough,value');
  assert.ok(Date.now() - begun < 15_000);
});

test('require loads the package too, as the same one', () => {
  const out = execFileSync(process.execPath, ['-e', `
    const required = require(${JSON.stringify(new URL(entry).pathname)});
    import(${JSON.stringify(entry)}).then(async (imported) => {
      const p = required.circuitBreaker();
      console.log(required.policy === imported.policy, await p.execute(() => 'runs'));
    });`], { encoding: 'utf8' });
  assert.equal(out.trim(), 'true runs');
});

test('an unhandled rejection stays visible', () => {
  const out = node(`
    process.on('unhandledRejection', () => console.log('seen'));
    const { circuitBreaker } = await import(${JSON.stringify(entry)});
    circuitBreaker().execute(() => Promise.reject(new Error('nobody looks')));
    setTimeout(() => {}, 20);`);
  assert.equal(out.trim(), 'seen');
});

test('a refusal is one unhandled rejection if nobody looks, and none if somebody does', () => {
  const out = node(`
    const seen = [];
    process.on('unhandledRejection', (error) => seen.push(error.message));
    const { circuitBreaker } = await import(${JSON.stringify(entry)});
    const open = circuitBreaker({ open_for: '1h' });
    const turn = () => new Promise((resolve) => setTimeout(resolve, 10));
    open.open();
    for (let i = 0; i < 5; i++) await open.execute(() => i).catch(() => {});
    await turn();
    const before = seen.length;
    open.execute(() => 'not called');
    await turn();
    console.log(before, seen.length, /^circuit is open; retry in 3(600|5\\d\\d)\\.\\d\\d\\ds$/.test(seen[0]));`);
  assert.equal(out.trim(), '0 1 true');
});

test('an error of the work is one unhandled rejection if nobody looks, and none if somebody does', () => {
  const out = node(`
    let seen = 0;
    process.on('unhandledRejection', (error) => seen += error.message === 'boom' ? 1 : 100);
    const { policy } = await import(${JSON.stringify(entry)});
    const boom = () => Promise.reject(new Error('boom'));
    const made = [{ breaker: { window: { kind: 'consecutive', failures: 1000 } } }, { retry: { attempts: 1 } }, { timeout: { attempt: '1m' } }].map((settings) => policy(settings));
    for (const each of made) for (let i = 0; i < 3; i++) {
      await each.execute(boom).catch(() => {});
      each.wrap(boom)().then(() => {}, () => {});
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
    const before = seen;
    for (const each of made) each.execute(boom);
    for (const each of made) each.execute(() => { throw new Error('boom'); });
    await new Promise((resolve) => setTimeout(resolve, 10));
    console.log(before, seen);`);
  assert.equal(out.trim(), '0 6');
});

test('worker threads share the state of a named policy', async () => {
  const settings = { name: 'shared-by-workers', breaker: { window: { kind: 'consecutive', failures: 1 } } } as const;
  const mine = seawall.policy(settings);
  const script = `
    import(${JSON.stringify(entry)}).then(async ({ policy }) => {
      await policy(${JSON.stringify(settings)}).execute(() => Promise.reject(new Error('down'))).catch(() => {});
      require('node:worker_threads').parentPort.postMessage('tripped');
    });`;
  const worker = new Worker(script, { eval: true });
  await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  assert.equal(mine.state, 'open');
  await worker.terminate();
});

/** A worker that makes the policy, takes its only permit and says so; `then` runs next. */
function holder(settings: object, then: string): Worker {
  return new Worker(`
    const { parentPort } = require('node:worker_threads');
    import(${JSON.stringify(entry)}).then(({ policy }) => policy(${JSON.stringify(settings)}).execute(async () => {
      parentPort.postMessage('inside');
      ${then}
    }));`, { eval: true });
}

const heard = (worker: Worker, event: string) => new Promise((resolve, reject) => worker.once(event, resolve).once('error', reject));

test('a permit given back by one thread wakes the caller that waits in another', { timeout: 20_000 }, async () => {
  const settings = { name: 'queue-of-workers', bulkhead: { limit: 1, max_wait: '1h' } } as const;
  const worker = holder(settings, `await new Promise((go) => parentPort.once('message', go));`);
  await heard(worker, 'message');
  const mine = seawall.policy(settings);
  const running = mine.execute(() => 'my turn');
  worker.postMessage('leave');
  assert.equal(await running, 'my turn');
  await worker.terminate();
});

test('a worker that is ended gives its permits back', { timeout: 20_000 }, async () => {
  const settings = { name: 'ended-worker', bulkhead: { limit: 1 } };
  const worker = holder(settings, `await new Promise(() => setInterval(() => {}, 1000));`);
  await heard(worker, 'message');
  const mine = seawall.policy(settings);
  await assert.rejects(mine.execute(() => 1), (error: seawall.SeawallError) => error.code === 'BULKHEAD_FULL');
  await worker.terminate();
  assert.equal(await mine.execute(() => 'free again'), 'free again');
});

test('the permit of an ended worker goes to the caller that waits for it', { timeout: 20_000 }, async () => {
  const settings = { name: 'heir-of-a-worker', bulkhead: { limit: 1, max_wait: '1h' } } as const;
  const worker = holder(settings, `await new Promise(() => setInterval(() => {}, 1000));`);
  await heard(worker, 'message');
  const running = seawall.policy(settings).execute(() => 'inherited');
  await worker.terminate();
  assert.equal(await running, 'inherited');
});

test('a permit taken by hand comes back when its thread is ended, and goes to who waits', { timeout: 20_000 }, async () => {
  const settings = { name: 'by-hand', bulkhead: { limit: 1, max_wait: '1h' } } as const;
  const worker = new Worker(`
    const { parentPort } = require('node:worker_threads');
    import(${JSON.stringify(entry)}).then(({ policy }) => {
      const one = policy(${JSON.stringify(settings)});
      one.enter();
      one.enter();
      parentPort.postMessage('holds the permit, and waits for another');
      setInterval(() => {}, 1000);
    });`, { eval: true });
  await heard(worker, 'message');
  const mine = seawall.policy(settings);
  const { in_use, queued } = mine.snapshot()['bulkhead'];
  assert.deepEqual([in_use, queued], [1, 1]);
  const running = mine.execute(() => 'inherited');
  await worker.terminate();
  assert.equal(await running, 'inherited');
  const after = mine.snapshot()['bulkhead'];
  assert.deepEqual([after.in_use, after.queued], [0, 0]);
});

test('the environment configures a policy of that name', () => {
  const out = node(`
    const { policy } = await import(${JSON.stringify(entry)});
    console.log(policy({ name: 'llm', retry: {} }).config().retry.attempts);`, { SEAWALL_LLM_RETRY_ATTEMPTS: '7' });
  assert.equal(out.trim(), '7');
});
