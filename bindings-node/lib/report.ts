// How a call that was never stepped is told of.
import type { Driven, Report } from './options.js';
import { wordsOf } from './errors.js';

export function tell(policy: Driven, onFinish: (report: Report) => void, began: number): void {
  try {
    onFinish({ ...AT_ONCE, elapsedMs: (policy.registry.now() - began) / 1e6 });
  } catch (error) {
    policy.registry.internal(`a hook threw: ${wordsOf(error)}`);
  }
}

/** The report of a call that succeeded without being stepped. */
const AT_ONCE: Report = {
  verdict: 'settle', outcome: 'success', attempts: 1, elapsedMs: 0, reason: undefined, refusal: undefined,
  link: undefined, queuedForMs: undefined, stored: false, forgotten: false,
};
