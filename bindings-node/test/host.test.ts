import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import * as seawall from '../lib/index.js';
import { Sandbox } from '../lib/testing.js';

/** Runs `work` beside a folder that others may enter, which no segment is kept in. */
async function withFolder(work: (folder: string, box: Sandbox) => Promise<void>): Promise<void> {
  const outer = mkdtempSync(join(tmpdir(), 'seawall-host-'));
  const folder = join(outer, 'segments');
  mkdirSync(folder);
  chmodSync(folder, 0o755);
  using box = new Sandbox();
  try {
    seawall.configure({ toml: `[host]\ndir = "${folder}"\n`, source: 'host.toml' });
    await work(folder, box);
  } finally {
    rmSync(outer, { recursive: true });
  }
}

test('a required host refuses, says why, and comes back', () => withFolder(async (folder, box) => {
  const policy = seawall.policy({ name: 'identity', scope: 'host', host_required: true, breaker: {}, bulkhead: { limit: 2 } });
  for (let call = 0; call < 2; call++) {
    await assert.rejects(policy.execute(() => 'runs'), (error) => {
      assert.ok(error instanceof seawall.HostUnavailableError && error instanceof seawall.RejectedError);
      assert.ok(seawall.isSeawallError(error));
      assert.equal(error.code, 'HOST_UNAVAILABLE');
      assert.equal(error.policy, 'identity');
      assert.equal(error.retryAfterMs, undefined);
      assert.match(error.problem!, /`chmod 0700` it/);
      assert.ok(error.problem!.includes(folder) && error.message.startsWith('identity: not called: the state it shares') && error.message.endsWith(error.problem!));
      return true;
    });
  }
  assert.throws(() => policy.enter(), { code: 'HOST_UNAVAILABLE' });
  const kinds = box.events().map((event) => event.kind);
  assert.equal(kinds.filter((kind) => kind === 'internal').length, 1);
  assert.equal(kinds.filter((kind) => kind === 'rejected').length, 2);
  chmodSync(folder, 0o700);
  for (const end = Date.now() + 3000; ; await sleep(20)) {
    try {
      assert.equal(await policy.execute(() => 'runs'), 'runs');
      break;
    } catch (error) {
      assert.ok(seawall.isSeawallError(error) && error.code === 'HOST_UNAVAILABLE' && Date.now() < end, String(error));
    }
  }
  assert.deepEqual(readdirSync(folder).map((name) => name.split('.')[0]), ['default']);
}));

test('without it the process goes on alone, but for a cost budget', () => withFolder(async () => {
  const alone = seawall.policy({ name: 'identity', scope: 'host', breaker: {} });
  assert.equal(await alone.execute(() => 'runs'), 'runs');
  const spend = seawall.policy({ name: 'llm', scope: 'host', cost: { name: 'spend', limits: { tokens: 10 } } });
  assert.throws(() => spend.reserve({ tokens: 1 }), { code: 'HOST_UNAVAILABLE' });
  const own = seawall.policy({ name: 'other', scope: 'host', host_required: false, cost: { name: 'own', limits: { tokens: 10 } } });
  own.reserve({ tokens: 1 });
}));
