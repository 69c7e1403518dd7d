// Places of a bulkhead that a thread takes and puts back without asking.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mock, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { execute, Gate } from '../lib/gate.js';
import { hot } from '../lib/hot.js';
import * as seawall from '../lib/index.js';
import { native } from '../lib/native.js';
import { Driven } from '../lib/options.js';
import { registry } from '../lib/registry.js';
import { Shape } from '../lib/shape.js';
import { Sandbox } from '../lib/testing.js';

const entry = new URL('../lib/index.js', import.meta.url).href;
const gateIsOn = process.env['SEAWALL_GATE'] !== 'off';
const boom = () => Promise.reject(new Error('boom'));
const room = (policy: seawall.Policy) => policy.snapshot()['bulkhead'];
const heard = (worker: Worker) => new Promise<any>((resolve, reject) => worker.once('message', resolve).once('error', reject));

/** A policy whose gate the test can look into. */
function opened(settings: object) {
  const policy = registry().policy(JSON.stringify(settings), 'test');
  const shape = new Shape(policy, registry(), {}).current();
  const driven = new Driven(policy, new Gate(policy), registry(), shape);
  const call = <T>(work: () => T | Promise<T>) => execute<T>(driven, work, undefined);
  const control = policy.control.bind(policy);
  return { gate: driven.gate, call, control, snapshot: () => JSON.parse(policy.snapshot()) };
}

/** Calls that stay inside until they are told to end. */
function held(call: (work: () => Promise<string>) => Promise<string>, many: number) {
  const ends: (() => void)[] = [];
  const calls = Array.from({ length: many }, () => call(() => new Promise((resolve) => ends.push(() => resolve('out')))));
  return { calls, end: () => Promise.all((ends.splice(0).forEach((end) => end()), calls)) };
}

/** A hundred calls; where the gate is on none of them may cross. */
async function hundredWithoutCrossing(call: (work: () => unknown) => Promise<unknown>): Promise<void> {
  const crossings = { ...hot };
  const crossed = (name: string) => () => assert.fail(`a call crossed: ${name}`);
  if (gateIsOn) for (const name of Object.keys(hot)) Object.assign(hot, { [name]: crossed(name) });
  try {
    for (let i = 0; i < 100; i++) assert.equal(await call(() => i), i);
  } finally {
    Object.assign(hot, crossings);
  }
}

for (const breaker of [undefined, { window: { kind: 'consecutive', failures: 3 } }]) {
  test(`a place that was had once is taken without crossing, ${breaker ? 'with' : 'without'} a breaker`, async () => {
    const { call, snapshot } = opened({ bulkhead: { limit: 2 }, ...(breaker && { breaker }) });
    for (let i = 0; i < 10; i++) await call(async () => i);
    await hundredWithoutCrossing(call);
    assert.deepEqual([snapshot().bulkhead.in_use, snapshot().bulkhead.admitted], [0, 110]);
    await assert.rejects(call(boom), /boom/);
    assert.equal(snapshot().bulkhead.in_use, 0, 'a failure takes its place along');
    const { calls, end } = held(call, 2);
    assert.equal(snapshot().bulkhead.in_use, 2);
    await assert.rejects(call(() => 'too many'), { code: 'BULKHEAD_FULL' });
    await end();
    assert.equal(calls.length, 2);
    assert.equal(await call(() => 'room'), 'room');
  });
}

test('who found it full at first asks like everybody', async () => {
  const settings = { name: 'full-at-first', bulkhead: { limit: 1, max_wait: '10s' } } as const;
  const place = seawall.policy(settings).enter();
  assert.ok('release' in place);
  const late = seawall.policy(settings);
  const waited = late.execute(() => 'waited');
  place.release();
  assert.equal(await waited, 'waited');
  const { end } = held((work) => late.execute(work), 1);
  assert.equal(room(late).in_use, 1);
  const second = late.execute(() => 'second');
  assert.equal(room(late).queued, 1);
  await end();
  assert.equal(await second, 'second');
});

test('a retry leaves its place while it waits, and a stepped call finds those that lie unused', async () => {
  const policy = seawall.policy({ bulkhead: { limit: 1 }, retry: { attempts: 2, backoff: { kind: 'fixed', base: '20ms' } } });
  await policy.execute(() => 1);
  let failures = 0;
  const retried = policy.execute(() => (failures++ === 0 ? boom() : 'at last'));
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(room(policy).in_use, 0);
  assert.equal(await policy.execute(() => 'between', { deadlineMs: 1000 }), 'between');
  assert.equal(await retried, 'at last');
  assert.equal(room(policy).in_use, 0);
});

test('who waits is let in when a call that did not ask is over', async () => {
  const policy = seawall.policy({ bulkhead: { limit: 1, max_wait: '10s' } });
  await policy.execute(() => 1);
  const { end } = held((work) => policy.execute(work), 1);
  // Time stands still, so no timer of the waiter's looks for it.
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const waiting = policy.execute(() => 'waited');
    assert.equal(room(policy).queued, 1);
    await end();
    assert.equal(await waiting, 'waited');
  } finally {
    mock.timers.reset();
  }
  assert.deepEqual([room(policy).in_use, room(policy).queued], [0, 0]);
});

test('a lower limit holds for places that are out', async () => {
  const policy = seawall.policy({ bulkhead: { limit: 4 } });
  await held((work) => policy.execute(work), 4).end();
  const { end } = held((work) => policy.execute(work), 4);
  policy.resize(1);
  await end();
  const one = held((work) => policy.execute(work), 1);
  await assert.rejects(policy.execute(() => 2), { code: 'BULKHEAD_FULL' });
  await one.end();
  assert.equal(room(policy).in_use, 0);
});

test('where the memory of a loan is refused or detached, places come back all the same', async () => {
  native.refuseBuffers(true);
  const refused = opened({ bulkhead: { limit: 1 } });
  try {
    for (let i = 0; i < 5; i++) assert.equal(await refused.call(async () => i), i);
    assert.equal(refused.snapshot().bulkhead.in_use, 0);
  } finally {
    native.refuseBuffers(false);
  }
  const { gate, call, snapshot } = opened({ bulkhead: { limit: 1 } });
  await call(() => 1);
  if (!gateIsOn) return assert.equal(gate.loan, undefined);
  const { end } = held(call, 1);
  setFlagsFromString('--allow-natives-syntax');
  runInNewContext('(buffer) => %ArrayBufferDetach(buffer)')((gate.loan as any).words.buffer);
  setFlagsFromString('--no-allow-natives-syntax');
  await end();
  for (let i = 0; i < 3; i++) assert.equal(await call(() => i), i);
  assert.equal(snapshot().bulkhead.in_use, 0);
});

test('threads never are more inside than the limit, and one that is ended leaves no place behind', { timeout: 60_000 }, async () => {
  const settings = { name: 'lent-to-threads', bulkhead: { limit: 2, max_wait: '30s' } } as const;
  const mine = seawall.policy(settings);
  const inside = new Int32Array(new SharedArrayBuffer(8));
  const body = `
    const { parentPort, workerData: inside } = require('node:worker_threads');
    import(${JSON.stringify(entry)}).then(async (seawall) => {
      const policy = seawall.policy(${JSON.stringify(settings)});
      for (let i = 0; i < 2000; i++) await policy.execute(async () => {
        if (Atomics.add(inside, 0, 1) >= 2) Atomics.add(inside, 1, 1);
        if (i % 64 === 0) await new Promise(setImmediate);
        Atomics.sub(inside, 0, 1);
      });
      parentPort.on('message', () => {
        for (let i = 0; i < 2; i++) policy.execute(() => new Promise(() => {})).catch(() => {});
      });
      parentPort.postMessage('done');
    });`;
  const threads = Array.from({ length: 3 }, () => new Worker(body, { eval: true, workerData: inside }));
  await Promise.all(threads.map(heard));
  assert.deepEqual([...inside], [0, 0], 'more than two were inside');
  for (const thread of threads) thread.postMessage('hold');
  while (room(mine).in_use < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  await Promise.all(threads.map((thread) => thread.terminate()));
  assert.equal(room(mine).in_use, 0);
  assert.equal(await mine.execute(() => 'in'), 'in');
});

/** Opens the circuit, as another thread may, between a call's look at the gate and its taking of a place. */
async function openedMeanwhile({ gate, call, snapshot, control }: ReturnType<typeof opened>): Promise<void> {
  for (let i = 0; i < 3; i++) await call(() => i);
  if (!gateIsOn) return assert.equal(gate.loan, undefined);
  const { admitted } = snapshot().bulkhead;
  const loan = gate.loan!;
  let taken = 0;
  loan.take = () => {
    delete (loan as Partial<typeof loan>).take;
    control('open', 0);
    if (loan.take()) taken++;
    return taken === 1;
  };
  await assert.rejects(call(() => assert.fail('it went in')), { code: 'CIRCUIT_OPEN' });
  assert.equal(taken, 1, 'the call took no place by itself');
  assert.equal(snapshot().bulkhead.in_use, 0, 'it holds a place');
  control('close', 0);
  assert.equal(await call(() => 'in'), 'in');
  assert.deepEqual([snapshot().bulkhead.in_use, snapshot().bulkhead.admitted], [0, admitted + 2]);
}

const both = { bulkhead: { limit: 2 }, breaker: { window: { kind: 'consecutive', failures: 3 } } };
test('who took a place after the circuit opened does not go in', () => openedMeanwhile(opened(both)));
const warmingUp = { window: { kind: 'count', size: 100 }, failure_rate: 1, minimum_calls: 100 };
test('nor who came to a gate that is to be asked', () => openedMeanwhile(opened({ ...both, breaker: warmingUp })));
test('who took a shared place after the circuit opened does not go in', () => shared(openedMeanwhile, 2, { breaker: both.breaker }));

/** In host scope, on a segment of its own. */
async function shared(work: (policy: ReturnType<typeof opened>, settings: object) => Promise<void>, limit = 2, parts: object = {}): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'seawall-loan-'));
  const settings = { name: `shared-${limit}`, scope: 'host', bulkhead: { limit, max_wait: '10s' }, ...parts };
  using _ = new Sandbox();
  try {
    seawall.configure({ toml: `[host]\ndir = "${join(folder, 'segments')}"\n`, source: 'host.toml' });
    await work(opened(settings), settings);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('a leased place of a shared bulkhead is taken without crossing, and counted for all', () => shared(async ({ call, snapshot }) => {
  for (let i = 0; i < 10; i++) await call(async () => i);
  await hundredWithoutCrossing(call);
  assert.deepEqual([snapshot().bulkhead.in_use, snapshot().bulkhead.admitted], [0, 110]);
  const { calls, end } = held(call, 2);
  assert.equal(snapshot().bulkhead.in_use, 2);
  const third = call(() => 'waited');
  assert.equal(snapshot().bulkhead.queued, 1);
  await end();
  assert.equal(calls.length, 2);
  assert.equal(await third, 'waited');
  await assert.rejects(call(boom), /boom/);
  assert.deepEqual([snapshot().bulkhead.in_use, snapshot().bulkhead.admitted], [0, 114]);
}));

test('where the count of a leased place is carried the call asks, and the next ones do not', () => shared(async ({ gate, call, snapshot }) => {
  for (let i = 0; i < 3; i++) await call(() => i);
  if (!gateIsOn) return assert.equal(gate.loan, undefined);
  const { cell, count } = (gate.loan as any).desk as { cell: Int32Array; count: number };
  assert.equal(cell[count], 3, 'the count is not where it is looked for');
  cell[count] = -1; // all that the lower half can say
  for (let more = 0; more < 2; more++) {
    assert.equal(await call(() => 'in'), 'in');
    assert.deepEqual([snapshot().bulkhead.in_use, snapshot().bulkhead.admitted], [0, 2 ** 32 + more]);
  }
  await hundredWithoutCrossing(call);
  assert.deepEqual([snapshot().bulkhead.in_use, snapshot().bulkhead.admitted], [0, 2 ** 32 + 101]);
}));

test('a place left at hand is free to all, and who left it asks for another', () => shared(async ({ call, snapshot }, settings) => {
  for (let i = 0; i < 3; i++) await call(() => i);
  const others = seawall.policy(settings as Parameters<typeof seawall.policy>[0]);
  const places = [others.enter(), others.enter()];
  assert.ok(places.every((place) => 'release' in place), 'two are free');
  const waiting = call(() => 'in');
  assert.equal(snapshot().bulkhead.queued, 1);
  for (const place of places) (place as seawall.BulkheadPermit).release();
  assert.equal(await waiting, 'in');
  for (let i = 0; i < 3; i++) await call(() => i);
  assert.deepEqual([snapshot().bulkhead.in_use, snapshot().bulkhead.admitted], [0, 9]);
}));

test('a limit that is lowered holds for who leaves places at hand', () => shared(async ({ call, snapshot }, settings) => {
  for (let i = 0; i < 3; i++) await call(() => i);
  const others = seawall.policy(settings as Parameters<typeof seawall.policy>[0]);
  const first = others.enter();
  others.resize(1);
  const waiting = call(() => 'in');
  assert.equal(snapshot().bulkhead.queued, 1, 'one is inside, and no more may be');
  (first as seawall.BulkheadPermit).release();
  assert.equal(await waiting, 'in');
  assert.equal(snapshot().bulkhead.in_use, 0);
}, 3));
