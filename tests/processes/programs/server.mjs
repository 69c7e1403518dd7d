// One process behind a port: node server.mjs PORT
//
// GET /call calls the upstream once, through the policy `upstream`; GET /state calls nobody.
import http from 'node:http';
import { policy, listen } from 'seawall';

const guard = policy('upstream');
let opened = 0;
listen((event) => { if (event.kind === 'opened') opened += 1; });

http.createServer(async (request, response) => {
  const answer = request.url === '/call' ? await call() : '';
  const { breaker, bulkhead } = guard.snapshot();
  // A connection for each request, so that the next may go to another worker.
  response.setHeader('connection', 'close');
  response.end(JSON.stringify({ pid: process.pid, answer, opened, state: breaker.state, in_use: bulkhead.in_use }));
}).listen(Number(process.argv[2]), '127.0.0.1');

async function call() {
  try {
    await guard.execute(work);
    return 'ok';
  } catch (error) {
    return error.code?.toLowerCase() ?? 'failed';
  }
}

async function work({ signal }) {
  const answer = await fetch(`${process.env.UPSTREAM}/work`, { signal, headers: { 'x-sender': String(process.pid) } });
  await answer.text();
  if (answer.status >= 500) throw new Error(`the upstream answered ${answer.status}`);
}
