// What only this language can get wrong: said when the policy is made, or by the call itself.
import { ConfigError, MisuseError } from './errors.js';
import type { CallOptions } from './options.js';

const kind = (value: unknown) => (value === null ? 'null' : Array.isArray(value) ? 'a list' : `a ${typeof value}`);

/** Hooks, `classify` and the fallback's function are functions; lists of errors hold classes, codes or names. */
export function checked<T extends object>(settings: T): T {
  const given = settings as Record<string, unknown>;
  for (const name of ['classify', 'onRetry', 'onTimeout', 'onFallback', 'onSlow']) functional(`/${name}`, given[name]);
  functional('/fallback/run', (given['fallback'] as { run?: unknown } | null | undefined)?.run);
  for (const name of ['include', 'exclude']) {
    const list = given[name];
    if (list === undefined) continue;
    if (!Array.isArray(list)) throw wrong(`/${name}`, `a list of error classes, codes or names is expected, not ${kind(list)}`);
    list.forEach((entry, index) => {
      if (typeof entry !== 'function' && typeof entry !== 'string') throw wrong(`/${name}/${index}`, `an error class, a code or a name is expected, not ${kind(entry)}`);
    });
  }
  return settings;
}

function functional(path: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'function') throw wrong(path, `a function is expected, not ${kind(value)}`);
}

function wrong(path: string, reason: string): ConfigError {
  return new ConfigError({ code: 'wrong_type', path, reason, source: 'code', message: `${path}: ${reason} (in code)` });
}

/** What a caller hands over as a function is one. */
export function callable(value: unknown, by: string): void {
  if (typeof value !== 'function') throw new MisuseError('UNKNOWN_VALUE', `${by} needs a function, not ${kind(value)}`);
}

/** The options of a call, or what is wrong with them. */
export function misused(options: CallOptions): MisuseError | undefined {
  const { signal, deadlineMs, cacheKey, estimate, onFinish } = options;
  const bad = (name: string, wanted: string, found: unknown) =>
    new MisuseError('UNKNOWN_VALUE', `the call's ${name} must be ${wanted}, not ${typeof found === 'number' ? found : kind(found)}`);
  if (signal !== undefined && typeof (signal as Partial<AbortSignal> | null)?.addEventListener !== 'function') return bad('signal', 'an AbortSignal', signal);
  if (deadlineMs !== undefined && !(typeof deadlineMs === 'number' && deadlineMs >= 0)) return bad('deadlineMs', 'a number of milliseconds that is not negative', deadlineMs);
  if (cacheKey !== undefined && typeof cacheKey !== 'string') return bad('cacheKey', 'a string', cacheKey);
  if (estimate !== undefined && (typeof estimate !== 'object' || estimate === null)) return bad('estimate', 'an object of amounts', estimate);
  if (onFinish !== undefined && typeof onFinish !== 'function') return bad('onFinish', 'a function', onFinish);
  return undefined;
}
