# Generated from core/src/config/schema; do not edit. Make it anew with: cargo xtask gen
"""Lists that all languages share: names, and their numbers where they have one."""

from typing import Final

#: What can go wrong.
CODES: Final[dict[str, int]] = {
    "circuit_open": 16,
    "bulkhead_full": 17,
    "bulkhead_timeout": 18,
    "attempt_timeout": 19,
    "deadline_exceeded": 20,
    "cost_exceeded": 21,
    "host_unavailable": 22,
    "unknown_value": 96,
    "null_argument": 97,
    "invalid_config": 98,
    "invalid_text": 99,
    "no_such_part": 100,
    "stale_handle": 101,
    "invalid_size": 102,
    "unknown_policy": 103,
    "wrong_order": 104,
    "panicked": 200,
}

#: What can be wrong with a configuration.
CONFIG_CODES: Final[tuple[str, ...]] = (
    "syntax",
    "unknown_option",
    "unknown_value",
    "wrong_type",
    "missing_unit",
    "out_of_range",
    "required",
    "conflict",
    "bad_name",
)

#: How an attempt ends.
OUTCOMES: Final[dict[str, int]] = {
    "success": 0,
    "failure": 1,
    "timeout": 2,
    "throttled": 3,
    "permanent": 4,
    "ignored": 5,
    "refused": 6,
    "cancelled": 7,
}

#: What a circuit does.
STATES: Final[dict[str, int]] = {
    "closed": 0,
    "open": 1,
    "half_open": 2,
    "forced_open": 3,
    "disabled": 4,
    "metrics_only": 5,
}

#: What happens.
EVENT_KINDS: Final[dict[str, int]] = {
    "opened": 1,
    "half_opened": 2,
    "closed": 3,
    "forced": 4,
    "rejected": 5,
    "retrying": 6,
    "gave_up": 7,
    "queued": 8,
    "timed_out": 9,
    "slow": 10,
    "fell_back": 11,
    "stale_served": 12,
    "config_conflict": 13,
    "permit_reclaimed": 14,
    "internal": 15,
}

#: Why there is no further retry.
STOP_REASONS: Final[dict[str, int]] = {
    "attempts": 1,
    "elapsed": 2,
    "budget": 3,
    "server": 4,
    "permanent": 5,
    "refused": 6,
    "deadline": 7,
    "cancelled": 8,
}

#: Values for a kind of environment.
PRESETS: Final[tuple[str, ...]] = (
    "development",
    "staging",
    "production",
    "busy",
)
