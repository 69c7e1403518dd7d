// Calls with a time limit that pass the gate: one timer for all of a limit, and nothing of its caller lost.
import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { execFileSync } from 'node:child_process';
import { mock, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import * as seawall from '../lib/index.js';

const entry = new URL('../package/index.js', import.meta.url).href;
const passes = process.env['SEAWALL_GATE'] !== 'off';
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const hung = () => new Promise<never>(() => {});
const boom = () => Promise.reject(new Error('boom'));
const COUNT = { window: { kind: 'count', size: 100 }, failure_rate: 1, minimum_calls: 2 } as const;
const timedOut = { code: 'ATTEMPT_TIMEOUT' };

/** The policy, after the calls that find its gate. */
async function warm(settings: seawall.PolicySettings): Promise<seawall.Policy> {
  const policy = seawall.policy(settings);
  for (let i = 0; i < 4; i++) await policy.execute(async () => i);
  return policy;
}

/** The sum of a metric of this policy. */
function metric(name: string, policy: string): number {
  const lines = seawall.metrics().split('\n').filter((line) => line.startsWith(name) && line.includes(`"${policy}"`));
  assert.ok(lines.length > 0, `no ${name} of ${policy}`);
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

test('a call in time is counted and measured without being stepped', async () => {
  const name = 'limited-in-time';
  const policy = await warm({ name, breaker: COUNT, retry: {}, timeout: { attempt: '1h' } });
  const stepped = metric('seawall_call_finished_total', name);
  const measured = metric('seawall_timeout_duration_seconds_count', name);
  for (let i = 0; i < 10; i++) assert.equal(await policy.execute(async () => i), i);
  for (let i = 0; i < 10; i++) assert.equal(await policy.execute(() => i), i);
  assert.equal(metric('seawall_call_finished_total', name) - stepped, passes ? 0 : 20);
  assert.equal(metric('seawall_timeout_duration_seconds_count', name) - measured, 20);
  assert.equal(policy.snapshot()['breaker'].totals.success, 24);
});

test('each call has its own limit, never less', async () => {
  const policy = await warm({ breaker: COUNT, timeout: { attempt: '300ms' } });
  const took = async () => {
    const begun = performance.now();
    await assert.rejects(policy.execute(hung), timedOut);
    return performance.now() - begun;
  };
  const all: Promise<number>[] = [];
  for (let i = 0; i < 5; i++) {
    all.push(took());
    void policy.execute(async () => i);
    await sleep(15);
  }
  for (const ms of await Promise.all(all)) assert.ok(ms >= 300, `ended after ${ms} ms`);
  assert.equal(policy.snapshot()['breaker'].totals.failure, 5);
});

test('what ends late is a timeout, though no timer could fire', async () => {
  const policy = await warm({ breaker: COUNT, timeout: { attempt: '300ms' } });
  const late = async () => {
    await undefined;
    for (const until = performance.now() + 400; performance.now() < until;);
    return 'late';
  };
  await assert.rejects(policy.execute(late), timedOut);
  assert.equal(policy.snapshot()['breaker'].totals.failure, 1);
});

test('errors pass through and are counted, the next attempt is made', async () => {
  const policy = await warm({ breaker: COUNT, retry: { attempts: 3, backoff: { kind: 'fixed', base: '1ms' } }, timeout: { attempt: '1h' } });
  let calls = 0;
  assert.equal(await policy.execute(async () => (++calls === 1 ? boom() : calls)), 2);
  assert.equal(policy.snapshot()['breaker'].totals.failure, 1);
  const alone = await warm({ timeout: { attempt: '1h' } });
  await assert.rejects(alone.execute(boom), /boom/);
  await assert.rejects(alone.execute(() => { throw new Error('at once'); }), /at once/);
  assert.deepEqual(await alone.execute(async () => ({ status: 503 })), { status: 503 });
});

test('the whole call has its deadline', async () => {
  const policy = await warm({ timeout: { deadline: '300ms', attempt: '1h' } });
  await assert.rejects(policy.execute(hung), { code: 'DEADLINE_EXCEEDED', limitMs: 300 });
  assert.ok((await policy.execute(async (attempt) => attempt.remainingMs))! <= 300);
  const left = await policy.execute(async (attempt) => (attempt.commit(), attempt.remainingMs));
  assert.ok(left! <= 300, 'a deadline outlives the first item');
});

test('from the first item on there is no limit', async () => {
  const policy = await warm({ breaker: COUNT, timeout: { attempt: '300ms' } });
  const work = async (attempt: seawall.Attempt) => {
    attempt.commit();
    await sleep(400);
    return attempt.remainingMs;
  };
  assert.equal(await policy.execute(work), undefined);
  assert.deepEqual(policy.snapshot()['breaker'].totals.failure, 0);
});

test('an attempt that is slow is told of', async () => {
  const slow: number[] = [];
  const policy = await warm({ timeout: { attempt: '1h', slow_after: '300ms' }, onSlow: (_attempt, ms) => slow.push(ms) });
  assert.equal(await policy.execute(async () => (await sleep(350), 'slow')), 'slow');
  await policy.execute(async () => 'quick');
  assert.equal(slow.length, 1);
});

test('hooks, later attempts and listeners run in the context of their caller', async () => {
  const storage = new AsyncLocalStorage<string>();
  const heard: (string | undefined)[] = [];
  const hear = () => void heard.push(storage.getStore());
  const policy = await warm({ retry: { attempts: 2, backoff: { kind: 'fixed', base: '1ms' } }, timeout: { attempt: '300ms' }, onTimeout: hear });
  await storage.run('caller', async () => {
    await assert.rejects(policy.execute(async () => (hear(), hung())), timedOut);
  });
  assert.deepEqual(heard.splice(0), ['caller', 'caller', 'caller', 'caller']);

  const plain = await warm({ timeout: { attempt: '300ms' } });
  const other = await warm({ timeout: { attempt: '1h' } });
  let left: number | undefined;
  const work = async (attempt: seawall.Attempt) => {
    attempt.signal.addEventListener('abort', () => {
      hear();
      void other.execute(async ({ remainingMs }) => (left = remainingMs));
    });
    return hung();
  };
  await storage.run('listener', () => assert.rejects(plain.execute(work), timedOut));
  await sleep(1);
  assert.deepEqual(heard, ['listener']);
  assert.ok(left! > 1000, 'what cleans up has time');
});

test('the time left reaches calls inside, at once and after waiting', async () => {
  const outer = await warm({ timeout: { attempt: '5s' } });
  const inner = await warm({ timeout: { attempt: '1h' } });
  const left = () => inner.execute(async (attempt) => attempt.remainingMs!);
  for (const around of [left, async () => (await sleep(20), left())]) {
    const ms = await outer.execute(around);
    assert.ok(ms > 3000 && ms <= 5000, `${ms} ms left`);
  }
  assert.ok((await outer.execute(async () => (await sleep(5), seawall.remainingMs())))! < 4999);
  assert.ok((await left()) > 3_000_000, 'outside of it nothing is inherited');
  assert.equal(seawall.remainingMs(), undefined);
});

test('an outer timeout ends the calls inside, which blame nobody', async () => {
  const outer = await warm({ timeout: { attempt: '300ms' } });
  const inner = await warm({ breaker: COUNT, timeout: { attempt: '1h' } });
  const ends: string[] = [];
  await assert.rejects(outer.execute(async () => {
    await sleep(1);
    return inner.execute(({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))).catch((error) => { ends.push(error.code); throw error; });
  }), timedOut);
  await sleep(5);
  assert.equal(ends.length, 1);
  assert.equal(inner.snapshot()['breaker'].totals.failure, 0);
});

test('fake timers hold for the next call', async () => {
  const policy = await warm({ timeout: { attempt: '10s' } });
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const running = policy.execute(hung);
    mock.timers.tick(10_000);
    await assert.rejects(running, timedOut);
  } finally {
    mock.timers.reset();
  }
});

function node(script: string): { out: string; ms: number } {
  const begun = Date.now();
  const out = execFileSync(process.execPath, ['--input-type=module', '-e', `const { policy } = await import(${JSON.stringify(entry)}); ${script}`], { encoding: 'utf8', timeout: 20_000 });
  return { out: out.trim(), ms: Date.now() - begun };
}

test('what has ended keeps no process alive and leaves no timer', () => {
  const { out, ms } = node(`
    const p = policy({ timeout: { attempt: '60s' } });
    for (let i = 0; i < 1000; i++) await p.execute(async () => i);
    await Promise.all(Array.from({ length: 1000 }, (_, i) => p.execute(() => new Promise((done) => setTimeout(done, i % 7)))));
    console.log(process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length);`);
  assert.equal(out, '0');
  assert.ok(ms < 15_000);
});

test('the off switch takes no limit from a call that runs', async () => {
  const policy = await warm({ breaker: COUNT, timeout: { attempt: '500ms' } });
  const running = policy.execute(hung);
  seawall.setEnabled(false);
  try {
    await assert.rejects(running, timedOut);
    assert.equal(await policy.execute(async () => (await sleep(700), 'slow')), 'slow', 'one that begins now has none');
  } finally {
    seawall.setEnabled(true);
  }
  await assert.rejects(policy.execute(hung), timedOut);
});

test('a call that hangs keeps the process alive until its time is over', () => {
  const { out } = node(`
    const p = policy({ timeout: { attempt: '200ms' } });
    for (let i = 0; i < 3; i++) await p.execute(async () => i);
    for (let i = 0; i < 2; i++) console.log((await p.execute(() => new Promise(() => {})).catch((error) => error)).code);`);
  assert.equal(out, 'ATTEMPT_TIMEOUT\nATTEMPT_TIMEOUT');
});

test('threads that end in the middle of a call take nothing with them', async () => {
  const settings = { name: 'limited-in-threads', breaker: COUNT, timeout: { attempt: '300ms' } } as const;
  const policy = await warm(settings);
  for (let i = 0; i < 3; i++) {
    const worker = new Worker(`
      import(${JSON.stringify(entry)}).then(async ({ policy }) => {
        const p = policy(${JSON.stringify(settings)});
        for (let i = 0; i < 4; i++) await p.execute(async () => i);
        for (let i = 0; i < 50; i++) void p.execute(() => new Promise(() => {})).catch(() => {});
        require('node:worker_threads').parentPort.postMessage('calling');
      });`, { eval: true });
    await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
    await worker.terminate();
  }
  assert.equal(await policy.execute(async () => 'runs'), 'runs');
  assert.equal(policy.state, 'closed');
});
