export type { Attempt } from './attempt.js';
export type { Classify, ErrorMatch, Judged, Judging, Outcome } from './classify.js';
export { remainingMs } from './context.js';
export type { CallOptions, Hooks, Report } from './options.js';
export {
  AttemptTimeoutError, BulkheadFullError, BulkheadTimeoutError, CircuitOpenError, ConfigError, CostExceededError, DeadlineExceededError, HostUnavailableError,
  isSeawallError, MisuseError, RejectedError, SeawallError, TimedOutError, type ErrorCode,
} from './errors.js';
export { listen, type SeawallEvent } from './events.js';
export { CODES, CONFIG_CODES, EVENT_KINDS, OUTCOMES, STATES } from './generated/codes.js';
export type { Duration, PolicyOptions } from './generated/config.js';
export { BreakerPermit, BulkheadPermit, Ticket } from './permits.js';
export { compose, policy, Policy, type Next, type PolicySettings } from './policy.js';
export { configure, metrics, reload, setEnabled } from './registry.js';
export type { FallbackSettings } from './shape.js';
export { bulkhead, circuitBreaker, failClosed, failOpen, fallback, protect, retry, timeout } from './single.js';
