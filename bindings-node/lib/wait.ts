// Waiting: for time, for a ticket, for the caller to give up.
import { AsyncResource } from 'node:async_hooks';
import type { BroadcastChannel as Channel } from 'node:worker_threads';
import { alarm } from './clock.js';
import type { NativeRegistry } from './native.js';

/** How often a waiter in a queue looks for itself: a thread that was ended hands its permit on, but tells nobody. */
const LOOK_AGAIN_NANOS = 250e6;

/** Lengths of timers whose list is kept. */
const kept = new Set<number>();
const MOST_KEPT = 16;
/** Belongs to no call: what is made in it holds no caller's context. */
const nobodys = new AsyncResource('seawall');

/**
 * Node keeps a list of timers for each length, and making one costs as much as all the rest of a
 * timer. Of a length that comes again one timer, which keeps no process alive, runs to its end: so
 * the list is not made for every call that is alone.
 */
export function keepList(ms: number): void {
  if (kept.has(ms) || kept.size >= MOST_KEPT) return;
  kept.add(ms);
  nobodys.runInAsyncScope(() => setTimeout(() => kept.delete(ms), ms).unref?.());
}

/** Tickets in a queue and those who wait for them. Ticket numbers are unique in the process. */
const waiters = new Map<number, () => void>();

/** Bulkheads are shared by all threads of the process: tickets of other threads are told here. */
let others: Channel | undefined;

function channel(): Channel {
  if (others !== undefined) return others;
  // The global one: to import its module would take longer than all of the package.
  others = new BroadcastChannel('seawall.tickets') as Channel;
  others.onmessage = (message) => {
    for (const ticket of (message as { data: number[] }).data) waiters.get(ticket)?.();
  };
  others.unref();
  return others;
}

export function wake(tickets: number[]): void {
  const elsewhere = tickets.filter((ticket) => !waiters.has(ticket));
  for (const ticket of tickets) waiters.get(ticket)?.();
  if (elsewhere.length > 0) channel().postMessage(elsewhere);
}

/** While somebody here waits, word from another thread must find this one alive. */
function join(ticket: number, woken: () => void): void {
  waiters.set(ticket, woken);
  channel().ref();
}

function part(ticket: number): void {
  waiters.delete(ticket);
  if (waiters.size === 0) others?.unref();
}

export type Woken = 'woke' | 'aborted';

/** Until `nanos` have passed, the ticket is woken, or the caller gives up. */
export function rest(
  registry: NativeRegistry,
  nanos: number | undefined,
  signal: AbortSignal | undefined,
  ticket?: number,
): Promise<Woken> {
  if (signal?.aborted) return Promise.resolve('aborted');
  if (registry.isManual && ticket === undefined) {
    registry.advance(nanos ?? 0);
    return Promise.resolve('woke');
  }
  return new Promise((resolve) => {
    let stop: (() => void) | undefined;
    const end = (how: Woken) => {
      stop?.();
      if (ticket !== undefined) part(ticket);
      signal?.removeEventListener('abort', onAbort);
      resolve(how);
    };
    const onAbort = () => end('aborted');
    signal?.addEventListener('abort', onAbort, { once: true });
    const woken = () => end('woke');
    if (ticket !== undefined) join(ticket, woken);
    if (!registry.isManual) {
      stop = alarm(Math.min(nanos ?? Infinity, ticket === undefined ? Infinity : LOOK_AGAIN_NANOS), woken);
      return;
    }
    if (nanos === undefined) return;
    // On a manual clock everybody else goes first; if nobody wakes us, time passes.
    setImmediate(() => {
      if (waiters.get(ticket ?? -1) !== woken) return;
      registry.advance(nanos);
      end('woke');
    });
  });
}

/** Until `work` ends, `nanos` have passed (NaN: no limit), or the caller gives up. */
export function until(work: Promise<unknown>, nanos: number, signal: AbortSignal | undefined): Promise<'done' | 'late' | 'aborted'> {
  if (signal?.aborted) return Promise.resolve('aborted');
  return new Promise((resolve) => {
    let stop: (() => void) | undefined;
    const end = (how: 'done' | 'late' | 'aborted') => {
      stop?.();
      signal?.removeEventListener('abort', onAbort);
      resolve(how);
    };
    const onAbort = () => end('aborted');
    signal?.addEventListener('abort', onAbort, { once: true });
    if (nanos >= 0) stop = alarm(nanos, () => end('late'));
    const done = () => end('done');
    work.then(done, done);
  });
}

/** Whether a signal ended because of a deadline, the caller's or an enclosing call's, rather than a wish. */
export function isDeadline(signal: AbortSignal): boolean {
  const reason = signal.reason as { name?: unknown; code?: unknown } | null | undefined;
  return reason?.name === 'TimeoutError' || reason?.code === 'ATTEMPT_TIMEOUT' || reason?.code === 'DEADLINE_EXCEEDED';
}
