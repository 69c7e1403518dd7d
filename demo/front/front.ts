// A web front that greets whoever identity says is active: Fastify in front, undici to identity.
import Fastify from 'fastify';
import { Agent, request } from 'undici';
import { policy } from 'seawall';

const [port, identity, worker] = [Number(process.argv[2]), process.argv[3], process.argv[4]];
const dispatcher = new Agent({ headersTimeout: 5_000, bodyTimeout: 5_000 });
const guard = policy('identity');

interface Answer { active: boolean }

async function introspect(token: string): Promise<boolean> {
  return guard.execute(
    async ({ signal }) => {
      const answer = await request(`${identity}/introspect/${token}`, { dispatcher, signal, headers: { 'x-worker': worker } });
      if (answer.statusCode === 200) return ((await answer.body.json()) as Answer).active;
      await answer.body.dump();
      const { statusCode, headers } = answer;
      throw Object.assign(new Error(`identity answered ${statusCode}`), { statusCode, headers });
    },
    { cacheKey: token },
  );
}

const app = Fastify();
app.get<{ Params: { token: string } }>('/who/:token', async (incoming, reply) => {
  try {
    return { active: await introspect(incoming.params.token) };
  } catch (error) {
    return reply.code(503).send({ error: String(error) });
  }
});
app.get('/state', () => ({ state: guard.state }));
await app.listen({ host: '127.0.0.1', port });
