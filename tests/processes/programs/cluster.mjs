// Three workers of node:cluster behind one port: node cluster.mjs PORT
import cluster from 'node:cluster';

if (cluster.isPrimary) {
  for (let n = 0; n < 3; n++) cluster.fork();
  cluster.on('exit', () => cluster.fork());
} else {
  await import('./server.mjs');
}
