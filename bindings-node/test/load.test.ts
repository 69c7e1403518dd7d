import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

const entry = JSON.stringify(new URL('../package/index.js', import.meta.url).href);

test('loading takes at most 15 ms and starts no thread', () => {
  // CPU time, the best of five processes: what loading costs, not what else the machine does.
  const script = `
    import { readdirSync } from 'node:fs';
    import { readFile } from 'node:fs/promises';
    // Node's own pool of file readers is no thread of ours: it is there before.
    await Promise.all(Array.from({ length: 32 }, () => readFile('/proc/self/stat')));
    const threads = () => readdirSync('/proc/self/task').length;
    const [cpu, before] = [process.cpuUsage(), threads()];
    await import(${entry});
    const { user, system } = process.cpuUsage(cpu);
    console.log(JSON.stringify([(user + system) / 1000, threads() - before]));`;
  const runs = Array.from({ length: 5 }, () =>
    JSON.parse(execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })) as [number, number]);
  const best = Math.min(...runs.map(([ms]) => ms));
  assert.ok(best <= 15, `loading took ${best} ms of CPU`);
  assert.deepEqual(runs.map(([, threads]) => threads), [0, 0, 0, 0, 0]);
});
