// Nanoseconds of a protected call, ours and the peers', as JSON lines: node main.js ROUNDS SLICE_MS [CASE].
import { readFileSync } from 'node:fs';
import * as apart from './apart.js';
import { footprint } from './footprint.js';
import { measure } from './harness.js';
import * as ours from './ours.js';
import * as peers from './peers.js';
import { failing, ok } from './targets.js';

const [rounds = '15', sliceMs = '2', only] = process.argv.slice(2);

for (const peer of peers.NAMES) {
  const { version } = JSON.parse(readFileSync(new URL(`./node_modules/${peer}/package.json`, import.meta.url), 'utf8'));
  process.stdout.write(`${JSON.stringify({ peer, version })}\n`);
}

const floors = [
  { case: 'floor', library: 'floor', variant: 'bare call', call: ok() },
  { case: 'floor', library: 'floor', variant: 'a failing call', call: failing(), rejects: true, mixed: true },
  { case: 'floor', library: 'floor', variant: 'a rejection with a new error', rejects: true, call: async () => { throw new Error('new'); } },
];
const rows = [...(await ours.rows()), ...(await peers.rows()), ...(await apart.rows())];
const wanted = rows.filter((row) => row.case === 'floor' || only === undefined || row.case.includes(only));
await measure([...floors, ...wanted], Number(rounds), Number(sliceMs));
if (only === undefined) footprint(Number(rounds));
process.exit(0); // some peers keep the loop alive
