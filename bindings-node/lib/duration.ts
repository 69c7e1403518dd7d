import { ConfigError } from './errors.js';

const UNITS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

/** A length of time with its unit (`"1m30s"`) in nanoseconds. */
export function nanosOf(text: string): number {
  let sum = 0;
  let rest = text.trim();
  while (rest !== '') {
    const found = /^(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)/.exec(rest);
    if (!found) {
      const reason = `\`${text}\` is no length of time; write "250ms", "30s" or "5m"`;
      throw new ConfigError({ code: 'wrong_type', path: '', reason, message: reason });
    }
    sum += Number(found[1]) * (UNITS[found[2]!] ?? 0);
    rest = rest.slice(found[0].length).trim();
  }
  return sum;
}
