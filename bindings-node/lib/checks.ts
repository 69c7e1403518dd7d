// What only this language can get wrong: said when the policy is made, or by the call itself.
import type { Outcome } from './classify.js';
import { ConfigError, MisuseError } from './errors.js';
import { OUTCOMES } from './generated/codes.js';
import type { CallOptions } from './options.js';

const kind = (value: unknown) =>
  value === undefined || value === null ? String(value) : Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'an object' : `a ${typeof value}`;

/** What was found in the place of something else: a number as it is, as it may be out of range; of the rest the kind. */
export const shown = (value: unknown) => (typeof value === 'number' ? String(value) : kind(value));

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

/** Settings as JSON. What JSON has no word for is wrong, not left out. */
export function written(settings: object): string {
  return JSON.stringify(plain(settings, '', 0));
}

function plain(value: unknown, path: string, depth: number): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) throw wrong(path, `a finite number is expected, not ${value}`);
  if (typeof value === 'function' || typeof value === 'symbol' || typeof value === 'bigint') throw wrong(path, `${kind(value)} is no setting`);
  if (typeof value === 'string' && /\p{Surrogate}/u.test(value)) throw wrong(path, 'this text is not well-formed Unicode');
  if (typeof value !== 'object' || value === null) return value;
  if (depth > DEEPEST) throw wrong(path, 'settings are not that deep: does something hold itself?');
  if (Array.isArray(value)) return value.map((entry, index) => plain(entry, `${path}/${index}`, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, plain(entry, `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`, depth + 1)]));
}
const DEEPEST = 16;

/** A length of time, a number of something, or whatever else must be a number from zero on. */
export function amount(value: unknown, what: string): number {
  if (typeof value === 'number' && value >= 0) return value;
  throw new MisuseError('UNKNOWN_VALUE', `${what} must be a number that is not negative, not ${shown(value)}`);
}

/** What a server asks callers to wait, in milliseconds: below zero it wants no retry. */
export function hint(value: unknown, what: string): number {
  if (typeof value === 'number' && !Number.isNaN(value)) return value;
  throw new MisuseError('UNKNOWN_VALUE', `${what} must be a number, not ${shown(value)}`);
}

/** Named amounts of a cost budget, as JSON. */
export function amounts(given: Readonly<Record<string, number>>): string {
  for (const [name, value] of Object.entries(given)) {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new MisuseError('UNKNOWN_VALUE', `an amount must be a whole number that is not negative, not ${name}: ${shown(value)}`);
    }
  }
  return JSON.stringify(given);
}

export function text(value: unknown, what: string): string {
  if (typeof value === 'string') return value;
  throw new MisuseError('UNKNOWN_VALUE', `${what} must be a string, not ${kind(value)}`);
}

export function outcomeNumber(outcome: Outcome): number {
  const number = OUTCOMES[outcome] as number | undefined;
  if (number !== undefined) return number;
  throw new MisuseError('UNKNOWN_VALUE', `\`${String(outcome)}\` is no outcome; there are ${Object.keys(OUTCOMES).join(', ')}`);
}

/** What is wrong with an object of options: it is none, or it has one that nobody would ever read. */
function strange(options: unknown, known: readonly string[], whose: string): MisuseError | undefined {
  if (typeof options !== 'object' || options === null) return new MisuseError('UNKNOWN_VALUE', `the options of ${whose} must be an object, not ${kind(options)}`);
  for (const name in options) {
    if (!known.includes(name)) return new MisuseError('UNKNOWN_VALUE', `${whose} has no option \`${name}\`; there ${known.length === 1 ? 'is' : 'are'} ${known.join(', ')}`);
  }
  return undefined;
}

/** Options that are read by these names alone. */
export function known<T extends object>(given: T, names: readonly (keyof T & string)[], whose: string): T {
  const mistake = strange(given, names, whose);
  if (mistake !== undefined) throw mistake;
  return given;
}

const OF_A_CALL = Object.keys({ signal: 0, deadlineMs: 0, cacheKey: 0, estimate: 0, onFinish: 0 } satisfies Record<keyof CallOptions, 0>);

/** What is wrong with the options of a call. */
export function misused(options: CallOptions): MisuseError | undefined {
  const mistake = strange(options, OF_A_CALL, 'a call');
  if (mistake !== undefined) return mistake;
  const { signal, deadlineMs, cacheKey, estimate, onFinish } = options;
  const bad = (name: string, wanted: string, found: unknown) =>
    new MisuseError('UNKNOWN_VALUE', `the call's ${name} must be ${wanted}, not ${shown(found)}`);
  if (signal !== undefined && typeof (signal as Partial<AbortSignal> | null)?.addEventListener !== 'function') return bad('signal', 'an AbortSignal', signal);
  if (deadlineMs !== undefined && !(typeof deadlineMs === 'number' && deadlineMs >= 0)) return bad('deadlineMs', 'a number of milliseconds that is not negative', deadlineMs);
  if (cacheKey !== undefined && typeof cacheKey !== 'string') return bad('cacheKey', 'a string', cacheKey);
  if (estimate !== undefined && (typeof estimate !== 'object' || estimate === null)) return bad('estimate', 'an object of amounts', estimate);
  if (onFinish !== undefined && typeof onFinish !== 'function') return bad('onFinish', 'a function', onFinish);
  return undefined;
}
