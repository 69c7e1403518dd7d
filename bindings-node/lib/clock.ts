// The clock by which time limits and waits end, and a timer that keeps to it.

// Taken before a test puts another one in its place. Not `performance`: to load that takes longer than
// most of the package.
const { hrtime } = process;

/** The clock as it is, in nanoseconds. */
export function now(): number {
  const [seconds, nanos] = hrtime();
  return seconds * 1e9 + nanos;
}

/** Taken before a test puts another one in its place: such timers follow another clock. */
const real = setTimeout;

export function timersAreReal(): boolean {
  return globalThis.setTimeout === real;
}

/** The longest that a timer can be set to. */
export const LONGEST_MS = 2 ** 31 - 1;

/**
 * Rings once when `nanos` have passed, and never before: Node's timers count whole milliseconds, may be
 * one early, and have a longest. They are looked up at call time, so that fake ones apply. Returns what
 * stops it.
 */
export function alarm(nanos: number, ring: () => void): () => void {
  const end = now() + nanos;
  let timer: NodeJS.Timeout;
  const arm = (left: number) => {
    const ms = Math.min(Math.ceil(left / 1e6), LONGEST_MS);
    timer = setTimeout(() => {
      const more = timersAreReal() ? end - now() : left - ms * 1e6;
      if (more > 0) arm(more);
      else ring();
    }, ms);
  };
  arm(nanos);
  return () => clearTimeout(timer);
}
