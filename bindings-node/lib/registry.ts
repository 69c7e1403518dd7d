import { shown, text } from './checks.js';
import { configuring, MisuseError } from './errors.js';
import { native, type NativeRegistry } from './native.js';
import { wake } from './wait.js';

/** The registry that new policies are made in: the process's own, or a test's. */
let current: NativeRegistry | undefined;
let own: NativeRegistry | undefined;

export function registry(): NativeRegistry {
  return (current ??= own ??= native.NativeRegistry.global());
}

/** Makes new policies in `other` until the returned function is called. */
export function replaceRegistry(other: NativeRegistry): () => void {
  const before = current;
  current = other;
  return () => {
    current = before;
  };
}

/** Takes TOML, or the file at a path, as the configuration. Without it `SEAWALL_CONFIG` names the file. */
export function configure(from: { path: string } | { toml: string; source?: string }): void {
  if (typeof from !== 'object' || from === null) throw new MisuseError('UNKNOWN_VALUE', 'configure needs `{ path }` or `{ toml }`');
  const into = registry();
  configuring(() => ('path' in from ? into.loadPath(text(from.path, 'the path')) : into.load(text(from.toml, 'the TOML'), text(from.source ?? 'toml', 'its source'))));
  wake(registry().takeWakes());
}

/** Reads the configuration file again; policies that exist keep their state. If anything is wrong, nothing changes. */
export function reload(): void {
  configuring(() => registry().reload());
  wake(registry().takeWakes());
}

/** The off switch: `false` turns every policy into a plain call. */
export function setEnabled(enabled: boolean): void {
  if (typeof enabled !== 'boolean') throw new MisuseError('UNKNOWN_VALUE', `setEnabled needs true or false, not ${shown(enabled)}`);
  registry().setEnabled(enabled);
}

/** All metrics in Prometheus text form. */
export function metrics(): string {
  return registry().metrics();
}
