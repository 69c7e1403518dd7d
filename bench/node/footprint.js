// What an instance keeps in memory, what importing takes, each in a process of its own.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { print } from './harness.js';
import { breaker, WINDOWS } from './ours.js';
import { BREAKERS, NAMES } from './peers.js';

const MANY = 2000;
const here = fileURLToPath(import.meta.url);

function child(...words) {
  const done = spawnSync(process.execPath, ['--expose-gc', ...words], { encoding: 'utf8', timeout: 120_000 });
  if (done.status !== 0) throw new Error(`${words}: ${done.stderr}`);
  return Number(done.stdout);
}

export function footprint(rounds) {
  // The room for new objects, which grows with the garbage of a start, is kept as it begins.
  const memory = (library, variant) => print({ case: 'memory', library, variant, unit: 'bytes', samples: [child('--max-semi-space-size=1', here, library, variant)] });
  for (const window of Object.keys(WINDOWS)) memory('seawall', window);
  for (const name of Object.keys(BREAKERS)) memory(...name.split(', '));
  const names = ['seawall', ...NAMES];
  const samples = names.map(() => []);
  for (let round = 0; round < rounds; round++) {
    names.forEach((name, index) => {
      const code = `const from = process.cpuUsage(); await import(${JSON.stringify(name)});
        const { user, system } = process.cpuUsage(from); console.log((user + system) / 1e3);`;
      samples[index].push(child('--input-type=module', '-e', code));
    });
  }
  names.forEach((library, index) => print({ case: 'load', library, unit: 'ms', samples: samples[index] }));
}

async function settled() {
  for (let i = 0; i < 6; i++) {
    await new Promise((done) => setImmediate(done));
    globalThis.gc();
  }
  return resident();
}

/** Bytes of memory that was written: pages of files, as Node's own code, come in by what ran and are nobody's. */
function resident() {
  const status = readFileSync('/proc/self/status', 'utf8');
  const bytes = (name) => 1024 * Number(new RegExp(`^${name}:\\s*(\\d+) kB$`, 'm').exec(status)[1]);
  return bytes('RssAnon') + bytes('RssShmem');
}

/** Resident memory, so that what is native is in it. */
async function bytesOfOne(library, variant) {
  const make = library === 'seawall' ? () => breaker(variant) : BREAKERS[`${library}, ${variant}`];
  const many = async (n) => {
    const made = Array.from({ length: n }, make);
    for (const call of made) await call();
    return made;
  };
  const kept = await many(100);
  const before = await settled();
  kept.push(...(await many(MANY)));
  return ((await settled()) - before) / MANY;
}

if (process.argv[1] === here) {
  console.log(await bytesOfOne(process.argv[2], process.argv[3]));
  process.exit(0);
}
