// What the types promise: compiled and never run. A line below `@ts-expect-error` that compiles is an error.
import * as seawall from '../lib/index.js';
import type { Attempt, CallOptions, ErrorMatch, FallbackSettings, Outcome, Policy, PolicySettings } from '../lib/index.js';
import { noWaiting, Sandbox } from '../lib/testing.js';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;
function is<_T extends true>(): void {}

interface User { id: number }
declare function load(id: number): Promise<User>;
declare const policy: Policy;

export async function values(): Promise<void> {
  const user = await policy.execute(() => load(1));
  is<Same<typeof user, User>>();
  const plain = await policy.execute(() => 7);
  is<Same<typeof plain, number>>();
  const nothing = await policy.execute(() => {});
  is<Same<typeof nothing, void>>();
  const wrapped = policy.wrap(load);
  is<Same<typeof wrapped, (id: number) => Promise<User>>>();
  const sync = policy.wrap((a: string, b: number = 1) => a.repeat(b));
  is<Same<Awaited<ReturnType<typeof sync>>, string>>();
  const composed = await seawall.compose(policy, seawall.retry()).execute(({ signal }) => fetch('http://x', { signal }));
  is<Same<typeof composed, Response>>();
  for await (const item of policy.stream(async function* () { yield 1; })) is<Same<typeof item, number>>();
  // @ts-expect-error the value is what the function gives
  const text: string = await policy.execute(() => 7);
  // @ts-expect-error a wrapped function keeps its arguments
  await wrapped('one');
  // @ts-expect-error and their number
  await wrapped();
  // @ts-expect-error a function is needed
  await policy.execute(7);
  // @ts-expect-error a function is needed
  policy.wrap('load');
  // @ts-expect-error a stream is of something asynchronous to iterate over
  policy.stream(() => 7);
  // @ts-expect-error at least one
  seawall.compose();
  void text;
}

export async function attempts(): Promise<void> {
  await policy.execute((attempt) => {
    is<Same<typeof attempt, Attempt>>();
    is<Same<typeof attempt.signal, AbortSignal>>();
    is<Same<typeof attempt.remainingMs, number | undefined>>();
    attempt.cost({ tokens: 7 });
    // @ts-expect-error an attempt is only read
    attempt.attempt = 2;
    // @ts-expect-error amounts are numbers
    attempt.cost({ tokens: '7' });
  });
}

export function settings(): void {
  const whole: PolicySettings = {
    name: 'identity',
    breaker: { window: { kind: 'consecutive', failures: 5 }, open_for: '30s' },
    retry: { attempts: 3, backoff: { kind: 'exponential', base: '100ms' }, jitter: 'full' },
    timeout: { attempt: '2s', deadline: '10s' },
    fallback: { run: (error: unknown) => String(error) },
    classify: (error, value) => (error instanceof TypeError ? 'failure' : value === null ? { outcome: 'throttled', retryAfterMs: 7 } : undefined),
    include: [TypeError, 'ECONNREFUSED'],
    onRetry: (attempt, _error, delayMs) => void (attempt + delayMs),
  };
  seawall.policy(whole);
  seawall.policy('identity', { onSlow: (_attempt, tookMs) => void tookMs });
  const chain: FallbackSettings = { chain: ['cached', 'value'], value: { any: 'thing' } };
  seawall.fallback(chain);
  const matches: ErrorMatch[] = [Error, 'E_MINE'];
  seawall.circuitBreaker({}, { exclude: matches });
  // @ts-expect-error lengths of time carry their unit
  seawall.timeout({ attempt: 5 });
  // @ts-expect-error there is no such unit
  seawall.timeout({ attempt: '5 parsecs' });
  // @ts-expect-error a misspelt option
  seawall.retry({ attemps: 3 });
  // @ts-expect-error a kind of window that is none
  seawall.circuitBreaker({ window: { kind: 'lunar' } });
  // @ts-expect-error an option of another kind of window
  seawall.circuitBreaker({ window: { kind: 'consecutive', size: 10 } });
  // @ts-expect-error outcomes have names
  seawall.policy({ classify: () => 'so so' });
  // @ts-expect-error a hook is a function
  seawall.policy({ onRetry: 'log' });
  // @ts-expect-error errors are matched by class, code or name
  seawall.policy({ exclude: [404] });
  // @ts-expect-error a timeout says of what
  seawall.timeout();
}

export async function options(): Promise<void> {
  const given: CallOptions = { signal: AbortSignal.timeout(5), deadlineMs: 100, cacheKey: 'k', estimate: { tokens: 7 }, onFinish: ({ verdict, attempts }) => void (verdict === 'fell_back' && attempts > 1) };
  await policy.execute(() => 1, given);
  // @ts-expect-error milliseconds are a number
  await policy.execute(() => 1, { deadlineMs: '5s' });
  // @ts-expect-error a misspelt option
  await policy.execute(() => 1, { cachekey: 'k' });
  // @ts-expect-error verdicts have names
  await policy.execute(() => 1, { onFinish: ({ verdict }) => verdict === 'fine' });
}

export function byHand(): void {
  using permit = policy.acquire();
  permit.record('throttled', { retryAfterMs: 5 });
  const tried = policy.tryAcquire();
  // @ts-expect-error there may be none
  tried.success();
  tried?.success();
  const place = policy.enter({ maxWaitMs: 5 });
  if (place instanceof seawall.Ticket) is<Same<ReturnType<typeof place.admitted>, Promise<seawall.BulkheadPermit>>>();
  else place.release();
  // @ts-expect-error an outcome that is none
  permit.record('fine');
  const outcome: Outcome = 'cancelled';
  permit.record(outcome);
  using _listening = policy.onOpen((event) => void (event.kind === 'opened' && event.policy));
}

export function errors(error: unknown): number | undefined {
  // @ts-expect-error an unknown error has nothing
  error.code;
  if (!seawall.isSeawallError(error)) return undefined;
  if (error.code === 'CIRCUIT_OPEN') return 1;
  // @ts-expect-error codes have names
  if (error.code === 'OPEN') return 2;
  if (error instanceof seawall.RejectedError) return error.retryAfterMs;
  // @ts-expect-error only timeouts have a limit
  return error.limitMs;
}

export class Client {
  @seawall.protect(policy)
  async user(id: number): Promise<User> {
    return load(id);
  }
  // @ts-expect-error a method that gives no promise would give one
  @seawall.protect(policy)
  now(): number {
    return 1;
  }
}
export async function decorated(client: Client): Promise<void> {
  is<Same<Awaited<ReturnType<Client['user']>>, User>>();
  // @ts-expect-error a decorated method keeps its arguments
  await client.user('one');
}

export function testing(): void {
  using box = new Sandbox({ seed: 7, environment: { SEAWALL_ENABLED: 'true' } });
  box.advance(1000);
  box.random(0.5, 0.25);
  using _still = noWaiting();
  // @ts-expect-error milliseconds are a number
  box.advance('1s');
}
