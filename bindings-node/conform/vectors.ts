// Runs behaviour vectors through the public API: node dist/conform/vectors.js --dir DIR
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { nanosOf } from '../lib/duration.js';
import * as seawall from '../lib/index.js';
import { Sandbox } from '../lib/testing.js';

type Json = any;
const ms = (text: string): number => (text.startsWith('-') ? -1 : nanosOf(text) / 1e6);
/** A length of time among what a step shows. */
const span = (value: number | undefined | null) => (value === undefined || value === null ? null : { ms: value });

function same(wanted: Json, shown: Json): boolean {
  if (typeof wanted === 'number' && typeof shown === 'number') return Math.abs(wanted - shown) <= 1e-6;
  if (typeof wanted === 'string' && typeof shown?.ms === 'number') return Math.abs(ms(wanted) - shown.ms) < 1e-6;
  if (Array.isArray(wanted)) return Array.isArray(shown) && wanted.length === shown.length && wanted.every((w, i) => same(w, shown[i]));
  if (typeof wanted === 'object' && wanted !== null) {
    return typeof shown === 'object' && shown !== null && Object.entries(wanted).every(([key, w]) => same(w, shown[key] ?? null));
  }
  if (typeof wanted === 'string' && typeof shown === 'string' && wanted !== shown) {
    try {
      return nanosOf(wanted) === nanosOf(shown);
    } catch {
      return false;
    }
  }
  return wanted === shown;
}

class Scripted extends Error {
  constructor(readonly outcome: seawall.Outcome, readonly hint: string | undefined) {
    super(outcome);
  }
}

const classify: seawall.Classify = (error) => {
  if (!(error instanceof Scripted)) return undefined;
  return error.hint === undefined ? error.outcome : { outcome: error.outcome, retryAfterMs: ms(error.hint) };
};

class World {
  readonly permits = new Map<string, seawall.BreakerPermit>();
  readonly slots = new Map<string, seawall.BulkheadPermit>();
  readonly tickets = new Map<string, seawall.Ticket>();
  readonly held = new Map<string, ReturnType<seawall.Policy['reserve']>>();
  readonly keyed = new Map<string, seawall.Policy>();
  readonly retries: number[] = [];
  lastCost: number | undefined;
  schedule: ReturnType<seawall.Policy['schedule']> | undefined;
  readonly policy: seawall.Policy;
  links: boolean[] = [];
  slept: number[] = [];

  constructor(readonly box: Sandbox, vector: Json) {
    if (vector.toml !== undefined) seawall.configure({ toml: vector.toml, source: 'seawall.toml' });
    const settings = { ...vector.policy };
    const chain: string[] = settings.fallback?.chain ?? [];
    this.policy = seawall.policy({
      ...settings,
      ...(chain.includes('function') ? { fallback: { ...settings.fallback, run: () => this.answer(chain.indexOf('function')) } } : {}),
      classify,
      onRetry: (_attempt, _error, delay) => this.onRetry(delay),
    });
    if (vector.enabled === false) seawall.setEnabled(false);
  }
  onRetry = (delay: number): void => void this.slept.push(delay);
  answer(index: number): unknown {
    if (this.links[index] === false) throw new Error('this link fails');
    return 'from the function';
  }
  of(step: Json): seawall.Policy {
    if (step.key === undefined) return this.policy;
    if (!this.keyed.has(step.key)) this.keyed.set(step.key, this.policy.at(step.key));
    return this.keyed.get(step.key)!;
  }

  async run(steps: Json[]): Promise<void> {
    for (const [index, step] of steps.entries()) {
      try {
        await this.step(step);
      } catch (error) {
        throw new Error(`step ${index + 1} (${step.do}): ${(error as Error).message}`);
      }
    }
  }

  async step(step: Json): Promise<void> {
    if (step.at !== undefined) this.box.advance(Math.max(0, ms(step.at) - this.box.nowMs));
    if (step.advance !== undefined) this.box.advance(ms(step.advance));
    const shown: Json = {};
    if (step.do === 'call') await this.call(step, shown);
    else if (step.do !== 'observe') this.part(step, shown);
    if (step.expect === undefined) return;
    this.state(step, shown);
    for (const [key, wanted] of Object.entries(step.expect)) {
      if (!(key in shown)) throw new Error(`nothing here shows \`${key}\``);
      if (!same(wanted, shown[key])) throw new Error(`${key}: expected ${JSON.stringify(wanted)}, found ${JSON.stringify(shown[key])}`);
    }
  }

  state(step: Json, shown: Json): void {
    const snapshot = this.of(step).snapshot();
    const ns = (value: number | null) => span(value === null ? null : value / 1e6);
    const breaker = snapshot['breaker'];
    if (breaker !== undefined) {
      for (const key of ['state', 'generation', 'calls', 'successes', 'failures', 'slow', 'consecutive_failures', 'failure_rate', 'slow_call_rate', 'permits_left', 'step', 'not_permitted']) shown[key] = breaker[key];
      shown.open_remaining = ns(breaker.open_remaining_ns);
      if (!('retry_after' in shown)) shown.retry_after = ns(breaker.retry_after_ns);
      shown.last_reason = breaker.last_transition?.reason ?? null;
      for (const key of ['success', 'failure', 'slow', 'ignored', 'cancelled', 'rejected']) shown[`total_${key}`] = breaker.totals[key];
      for (const key of ['stale', 'reclaimed', 'transitions']) shown[key] = breaker.totals[key];
    }
    for (const key of ['in_use', 'queued', 'limit', 'available']) if (snapshot['bulkhead']) shown[key] = snapshot['bulkhead'][key];
    const budget = snapshot['budget'];
    if (budget !== undefined) Object.assign(shown, { balance: budget.balance, active_retries: budget.active_retries, budget_limit: budget.limit });
    if (snapshot['cost'] !== undefined) {
      const used: Json = {};
      for (const amounts of Object.values<Json>(snapshot['cost'])) for (const [name, amount] of Object.entries<Json>(amounts)) used[name] = amount.used;
      shown.used = used;
    }
    shown.events = this.box.events().map((event) => event.kind);
  }

  refused(error: unknown, shown: Json): void {
    if (!seawall.isSeawallError(error)) throw error;
    shown.refused = error.code.toLowerCase();
    shown.retry_after = span((error as seawall.RejectedError).retryAfterMs);
  }

  part(step: Json, shown: Json): void {
    const policy = this.of(step);
    const times = step.times ?? 1;
    const outcome = step.outcome as seawall.Outcome | undefined;
    switch (step.do) {
      case 'acquire':
        try {
          const permit = policy.acquire();
          shown.permitted = true;
          if (step.as !== undefined) this.permits.set(step.as, permit);
        } catch (error) {
          shown.permitted = false;
          this.refused(error, shown);
        }
        return;
      case 'record': {
        const permit = this.permits.get(step.of)!;
        // A permit object reports once; a vector that reports twice uses a second one of the same permit.
        new seawall.BreakerPermit(permit.native, permit.registry, permit.permit, permit.began).record(outcome ?? 'success', {
          tookMs: step.took === undefined ? 0 : ms(step.took),
          ...(step.hint === undefined ? {} : { retryAfterMs: ms(step.hint) }),
        });
        return;
      }
      case 'run':
        shown.permitted = 0;
        for (let i = 0; i < times; i++) {
          try {
            const permit = policy.acquire();
            shown.permitted++;
            permit.record(outcome ?? 'success', { tookMs: step.took === undefined ? 0 : ms(step.took), ...(step.hint === undefined ? {} : { retryAfterMs: ms(step.hint) }) });
          } catch (error) {
            this.refused(error, shown);
          }
        }
        return;
      case 'control': {
        const acts: Record<string, () => void> = {
          open: () => policy.open(),
          open_for: () => policy.open(ms(step.for)),
          open_until: () => policy.openUntil(ms(step.until)),
          half_open: () => policy.halfOpen(),
          close: () => policy.close(),
          force_open: () => policy.forceOpen(),
          disable: () => policy.disable(),
          metrics_only: () => policy.metricsOnly(),
          reset: () => policy.reset(),
        };
        acts[step.to]!();
        return;
      }
      case 'next_delay': {
        if (step.rand !== undefined) this.box.random(step.rand);
        this.schedule ??= policy.schedule();
        const next = this.schedule.next(outcome ?? 'failure', {
          ...(step.hint === undefined ? {} : { retryAfterMs: ms(step.hint) }),
          ...(step.elapsed === undefined ? {} : { elapsedMs: ms(step.elapsed) }),
        });
        if ('delayMs' in next) shown.delay = span(next.delayMs);
        else shown.stop = next.stop;
        return;
      }
      case 'begin':
      case 'end':
      case 'withdraw':
      case 'retry_end':
      case 'succeed':
        shown.granted = 0;
        for (let i = 0; i < times; i++) this.budget(policy, step, outcome, shown);
        return;
      case 'reserve':
        try {
          this.held.set(step.as, policy.reserve(step.amounts ?? {}));
          shown.result = 'ok';
        } catch (error) {
          this.refused(error, shown);
          shown.result = shown.refused;
        }
        return;
      case 'settle':
        return this.held.get(step.of)!.settle(step.amounts ?? {});
      case 'give_back':
        return this.held.get(step.of)!.giveBack();
      default:
        this.bulkhead(policy, step, shown);
    }
  }

  budget(policy: seawall.Policy, step: Json, outcome: seawall.Outcome | undefined, shown: Json): void {
    const budget = policy.budget;
    if (step.do === 'begin') budget.begin();
    else if (step.do === 'end') budget.end();
    else if (step.do === 'retry_end') budget.retryEnd(this.retries.shift()!);
    else if (step.do === 'succeed') budget.success(step.after_retry === true ? this.lastCost : undefined);
    else {
      const cost = budget.withdraw(outcome ?? 'failure');
      if (cost === undefined) return;
      this.retries.push(cost);
      this.lastCost = cost;
      shown.granted++;
    }
  }

  bulkhead(policy: seawall.Policy, step: Json, shown: Json): void {
    const attempt = (act: () => string) => {
      try {
        shown.result = act();
      } catch (error) {
        this.refused(error, shown);
        shown.result = shown.refused;
      }
    };
    let woken: number[] = [];
    if (step.do === 'enter') {
      return attempt(() => {
        const wait = step.max_wait === undefined ? {} : { maxWaitMs: step.max_wait === 'none' ? Infinity : ms(step.max_wait) };
        const place = policy.enter(wait);
        if (place instanceof seawall.Ticket) {
          this.tickets.set(step.as, place);
          return 'queued';
        }
        this.slots.set(step.as, place);
        return 'admitted';
      });
    }
    if (step.do === 'poll') {
      return attempt(() => {
        const permit = this.tickets.get(step.of)!.poll();
        if (permit === undefined) return 'waiting';
        this.slots.set(step.of, permit);
        return 'admitted';
      });
    }
    if (step.do === 'leave') woken = this.slots.get(step.of)!.release();
    else if (step.do === 'resize') woken = policy.resize(step.limit);
    else if (step.do === 'cancel') {
      woken = this.tickets.get(step.of)!.cancel();
      this.tickets.delete(step.of);
    } else throw new Error('no such step');
    shown.admitted = woken.map((number) => {
      const [name, ticket] = [...this.tickets].find(([, ticket]) => ticket.number === number)!;
      this.slots.set(name, ticket.poll()!);
      this.tickets.delete(name);
      return name;
    });
  }

  async call(step: Json, shown: Json): Promise<void> {
    this.box.random(...(step.rand ?? []));
    const policy = this.of(step);
    const caller = new AbortController();
    const limits: Json[] = [];
    let waits = 0;
    this.slept = [];
    this.links = step.fallback ?? [];
    this.onRetry = (delay) => {
      waits++;
      if (step.cancel_wait === waits) caller.abort(new Error('the caller gave up'));
      else this.slept.push(delay);
    };
    let report: seawall.Report | undefined;
    const key = step.cache === undefined ? undefined : `key of ${Math.random()}`;
    if (key !== undefined) this.seed(policy, key, step.cache);
    const started = this.box.nowMs;
    const work = async (attempt: seawall.Attempt): Promise<string> => {
      const line = step.script === undefined ? {} : step.script[attempt.attempt - 1];
      if (line === undefined) throw new Error(`the script has no attempt ${attempt.attempt}`);
      limits.push(span(attempt.remainingMs));
      if (line.during !== undefined) await this.run(line.during);
      if (line.commit === true) attempt.commit();
      this.box.advance(line.takes === undefined ? 0 : ms(line.takes));
      if (line.cost !== undefined) attempt.cost(line.cost);
      if (line.cancel !== undefined) {
        caller.abort(line.cancel === 'deadline' ? new DOMException('late', 'TimeoutError') : new Error('the caller gave up'));
        return new Promise(() => {});
      }
      const outcome: seawall.Outcome = line.outcome ?? 'success';
      if (outcome !== 'success') throw new Scripted(outcome, line.hint);
      return 'live';
    };
    const gives = step.cancel_wait !== undefined || (step.script ?? []).some((line: Json) => line.cancel !== undefined);
    const running = policy.execute(work, {
      onFinish: (shown) => (report = shown),
      ...(gives ? { signal: caller.signal } : {}),
      ...(step.deadline === undefined ? {} : { deadlineMs: ms(step.deadline) }),
      ...(key === undefined ? {} : { cacheKey: key }),
      ...(step.estimate === undefined ? {} : { estimate: step.estimate }),
    });
    if (step.cancel_wait !== undefined && step.script === undefined) caller.abort(new Error('the caller gave up'));
    try {
      await running;
    } catch (error) {
      if (!(error instanceof Scripted) && !seawall.isSeawallError(error) && !caller.signal.aborted) throw error;
    }
    const refusal = report?.refusal as seawall.RejectedError | undefined;
    Object.assign(shown, {
      verdict: report?.verdict,
      attempts: report?.attempts,
      limits,
      slept: this.slept.map(span),
      elapsed: span(this.box.nowMs - started),
      outcome: report?.outcome ?? null,
      reason: report?.reason ?? null,
      link: report?.link ?? null,
      queued_for: span(report?.queuedForMs),
      store: report?.stored,
      forget: report?.forgotten,
      refused: refusal?.code.toLowerCase() ?? null,
    });
    if (refusal !== undefined) shown.retry_after = span(refusal.retryAfterMs);
  }

  /** A last good result that is within its TTL, or past it, when the call looks. */
  seed(policy: seawall.Policy, key: string, cache: Json): void {
    if (cache.fresh === true) policy.remember(key, 'kept fresh');
    else if (cache.stale === true) policy.remember(key, 'kept stale', nanosOf(policy.config()['cache'].ttl) / 1e6 + 1);
  }
}

function configuration(vector: Json): void {
  let shown: Json;
  try {
    if (vector.toml !== undefined) seawall.configure({ toml: vector.toml, source: 'seawall.toml' });
    if (vector.policy !== undefined) seawall.policy(vector.policy);
    else if (vector.policy_name !== undefined) seawall.policy(vector.policy_name as string);
    shown = { ok: true };
  } catch (error) {
    if (!(error instanceof seawall.ConfigError)) throw error;
    shown = { ok: false, error: { code: error.kind, path: error.path, suggestion: error.suggestion, source: error.source } };
  }
  for (const [key, wanted] of Object.entries(vector.expect)) {
    if (key === 'resolved') continue;
    if (!same(wanted, shown[key])) throw new Error(`${key}: expected ${JSON.stringify(wanted)}, found ${JSON.stringify(shown[key])}`);
  }
}

function files(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true })
    .flatMap((entry) => (entry.isDirectory() ? files(join(dir, entry.name)) : entry.name.endsWith('.json') ? [join(dir, entry.name)] : []))
    .sort();
}

async function main(): Promise<void> {
  const dir = process.argv[process.argv.indexOf('--dir') + 1];
  if (dir === undefined) throw new Error('usage: vectors.js --dir DIR');
  let passed = 0;
  let failed = 0;
  for (const file of files(dir)) {
    const vector = JSON.parse(readFileSync(file, 'utf8'));
    const box = new Sandbox({ seed: vector.seed ?? 1, environment: vector.environment ?? {} });
    try {
      if (vector.steps === undefined) configuration(vector);
      else await new World(box, vector).run(vector.steps);
      passed++;
    } catch (error) {
      failed++;
      console.log(`${file}: ${(error as Error).message}`);
    } finally {
      box[Symbol.dispose]();
    }
  }
  console.log(JSON.stringify({ lang: 'typescript', passed, failed, exempt: 0 }));
  process.exitCode = failed > 0 ? 1 : 0;
}

await main();
