// Generated from core/src/config/schema; do not edit. Make it anew with: cargo xtask gen

/** What can go wrong. */
export const CODES = {
  circuit_open: 16,
  bulkhead_full: 17,
  bulkhead_timeout: 18,
  attempt_timeout: 19,
  deadline_exceeded: 20,
  cost_exceeded: 21,
  host_unavailable: 22,
  unknown_value: 96,
  null_argument: 97,
  invalid_config: 98,
  invalid_text: 99,
  no_such_part: 100,
  stale_handle: 101,
  invalid_size: 102,
  unknown_policy: 103,
  wrong_order: 104,
  panicked: 200,
} as const;

/** What can be wrong with a configuration. */
export const CONFIG_CODES = ['syntax', 'unknown_option', 'unknown_value', 'wrong_type', 'missing_unit', 'out_of_range', 'required', 'conflict', 'bad_name'] as const;

/** How an attempt ends. */
export const OUTCOMES = {
  success: 0,
  failure: 1,
  timeout: 2,
  throttled: 3,
  permanent: 4,
  ignored: 5,
  refused: 6,
  cancelled: 7,
} as const;

/** What a circuit does. */
export const STATES = {
  closed: 0,
  open: 1,
  half_open: 2,
  forced_open: 3,
  disabled: 4,
  metrics_only: 5,
} as const;

/** What happens. */
export const EVENT_KINDS = {
  opened: 1,
  half_opened: 2,
  closed: 3,
  forced: 4,
  rejected: 5,
  retrying: 6,
  gave_up: 7,
  queued: 8,
  timed_out: 9,
  slow: 10,
  fell_back: 11,
  stale_served: 12,
  config_conflict: 13,
  permit_reclaimed: 14,
  internal: 15,
} as const;

/** Why there is no further retry. */
export const STOP_REASONS = {
  attempts: 1,
  elapsed: 2,
  budget: 3,
  server: 4,
  permanent: 5,
  refused: 6,
  deadline: 7,
  cancelled: 8,
} as const;

/** Values for a kind of environment. */
export const PRESETS = ['development', 'staging', 'production', 'busy'] as const;
