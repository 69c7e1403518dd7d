// A worker of the chaos run: two callers that call the upstream without pause until stdin ends.
//
// Ten times a second it prints: calls that were counted, those among them that failed, refusals by the
// breaker, refusals by the bulkhead, faults of Seawall, and the longest stay inside Seawall in microseconds.
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { policy, listen } from 'seawall';

const guard = policy('upstream');
const agent = new http.Agent({ keepAlive: true });
const seen = { calls: 0, failed: 0, refused: 0, full: 0, faults: 0, longest: 0 };
listen((event) => { if (event.kind === 'internal') seen.faults += 1; });
let ending = false;

function get() {
  return new Promise((resolve, reject) => {
    const options = { agent, headers: { 'x-sender': String(process.pid) } };
    http.get(`${process.env.UPSTREAM}/work`, options, (answer) => {
      answer.resume();
      answer.on('end', () => resolve(answer.statusCode));
    }).on('error', reject);
  });
}

async function caller() {
  while (!ending) {
    const begun = performance.now();
    let outside = 0;
    const work = async () => {
      const before = performance.now();
      try {
        if ((await get()) >= 500) throw new Error('failed');
      } finally {
        outside = performance.now() - before;
      }
    };
    try {
      await guard.execute(work);
      seen.calls += 1;
    } catch (error) {
      if (error.code === 'CIRCUIT_OPEN') seen.refused += 1;
      else if (error.code?.startsWith('BULKHEAD')) seen.full += 1;
      else {
        seen.calls += 1;
        seen.failed += 1;
      }
    }
    seen.longest = Math.max(seen.longest, performance.now() - begun - outside);
    if (outside === 0) await sleep(5);
  }
}

function report() {
  const { calls, failed, refused, full, faults, longest } = seen;
  seen.longest = 0;
  console.log(calls, failed, refused, full, faults, Math.round(longest * 1000));
}

const ticks = setInterval(report, 100);
const callers = [caller(), caller()];
process.stdin.resume().on('end', async () => {
  ending = true;
  await Promise.all(callers);
  clearInterval(ticks);
  report();
  process.exit(0);
});
