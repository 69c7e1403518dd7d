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

test('require loads the package too', () => {
  const out = execFileSync(process.execPath, ['-e', `console.log(typeof require(${JSON.stringify(new URL(entry).pathname)}).policy)`], { encoding: 'utf8' });
  assert.equal(out.trim(), 'function');
});

test('an unhandled rejection stays visible', () => {
  const out = node(`
    process.on('unhandledRejection', () => console.log('seen'));
    const { circuitBreaker } = await import(${JSON.stringify(entry)});
    circuitBreaker().execute(() => Promise.reject(new Error('nobody looks')));
    setTimeout(() => {}, 20);`);
  assert.equal(out.trim(), 'seen');
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

test('the environment configures a policy of that name', () => {
  const out = node(`
    const { policy } = await import(${JSON.stringify(entry)});
    console.log(policy({ name: 'llm', retry: {} }).config().retry.attempts);`, { SEAWALL_LLM_RETRY_ATTEMPTS: '7' });
  assert.equal(out.trim(), '7');
});
