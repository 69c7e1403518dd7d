// Three workers of node:cluster behind one port: node cluster.mjs PORT
//
// GET /call calls the upstream once, through the policy `upstream`; GET /state calls nobody.
import cluster from 'node:cluster';
import http from 'node:http';
import { policy, listen } from 'seawall';

if (cluster.isPrimary) {
  for (let n = 0; n < 3; n++) cluster.fork();
  cluster.on('exit', () => cluster.fork());
} else {
  serve(Number(process.argv[2]));
}

function serve(port) {
  const guard = policy('upstream');
  let opened = 0;
  listen((event) => { if (event.kind === 'opened') opened += 1; });
  // A connection for each request of a client, so that the next may go to another worker.
  http.createServer({ keepAlive: false }, async (request, response) => {
    const answer = request.url === '/call' ? await call(guard) : '';
    const { breaker, bulkhead } = guard.snapshot();
    response.setHeader('connection', 'close');
    response.end(JSON.stringify({ pid: process.pid, answer, opened, state: breaker.state, in_use: bulkhead.in_use }));
  }).listen(port, '127.0.0.1');
}

async function call(guard) {
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
