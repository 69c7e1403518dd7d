/* The layout that other compilers and languages rely on. */
#include "check.h"

#include "seawall.h" /* a second time */

_Static_assert(sizeof(seawall_status) == 4, "a status has four bytes");
_Static_assert(sizeof(seawall_str) == 16 && offsetof(seawall_str, len) == 8, "seawall_str");
_Static_assert(sizeof(seawall_text) == 16 && offsetof(seawall_text, len) == 8, "seawall_text");

_Static_assert(sizeof(seawall_step) == 96, "seawall_step");
_Static_assert(offsetof(seawall_step, kind) == 4, "kind");
_Static_assert(offsetof(seawall_step, cache) == 11, "cache");
_Static_assert(offsetof(seawall_step, attempt) == 12, "attempt");
_Static_assert(offsetof(seawall_step, index) == 16, "index");
_Static_assert(offsetof(seawall_step, wakes) == 20, "wakes");
_Static_assert(offsetof(seawall_step, refusal) == 24, "refusal");
_Static_assert(offsetof(seawall_step, span) == 32, "span");
_Static_assert(offsetof(seawall_step, ticket) == 40, "ticket");
_Static_assert(offsetof(seawall_step, elapsed) == 48, "elapsed");
_Static_assert(offsetof(seawall_step, retry_after) == 56, "retry_after");
_Static_assert(offsetof(seawall_step, used) == 64, "used");
_Static_assert(offsetof(seawall_step, limit) == 72, "limit");
_Static_assert(offsetof(seawall_step, outcome) == 80, "outcome");
_Static_assert(offsetof(seawall_step, slow) == 88, "slow");

_Static_assert(sizeof(seawall_call_options) == 32, "seawall_call_options");
_Static_assert(offsetof(seawall_call_options, line) == 5, "line");
_Static_assert(offsetof(seawall_call_options, deadline) == 8, "deadline");
_Static_assert(offsetof(seawall_call_options, estimate) == 16, "estimate");
_Static_assert(sizeof(seawall_refusal) == 40 && offsetof(seawall_refusal, retry_after) == 16, "seawall_refusal");
_Static_assert(sizeof(seawall_entry) == 32 && offsetof(seawall_entry, permit) == 8, "seawall_entry");
_Static_assert(sizeof(seawall_overlay) == 72 && offsetof(seawall_overlay, tallies) == 16 && offsetof(seawall_overlay, slow_after) == 32 && offsetof(seawall_overlay, lent) == 40, "seawall_overlay");
_Static_assert(sizeof(seawall_shape) == 96 && offsetof(seawall_shape, cache_ttl) == 16 && offsetof(seawall_shape, admits) == 88, "seawall_shape");
_Static_assert(sizeof(seawall_admission) == 32 && offsetof(seawall_admission, pass) == 8, "seawall_admission");
_Static_assert(sizeof(seawall_failure_log) == 72 && offsetof(seawall_failure_log, failures) == 8 && offsetof(seawall_failure_log, streak) == 40 && offsetof(seawall_failure_log, most) == 56 && offsetof(seawall_failure_log, used) == 64, "seawall_failure_log");
_Static_assert(sizeof(seawall_ending_lines) == 48 && offsetof(seawall_ending_lines, shared) == 8 && offsetof(seawall_ending_lines, lent) == 16, "seawall_ending_lines");

int main(void) {
  CHECK_IS(seawall_abi_version(), SEAWALL_ABI_VERSION);
  CHECK(seawall_version().len > 0);

  seawall_status statuses[64];
  size_t count = 0;
  CHECK_IS(seawall_status_list(statuses, 64, &count), SEAWALL_OK);
  CHECK(count >= 17 && count <= 64);
  for (size_t i = 0; i < count; i++) {
    seawall_status status = statuses[i];
    CHECK(seawall_status_name(status).len > 0);
    CHECK(status == 0 || (status >= 16 && status < 64) || (status >= 96 && status < 128) || status >= 200);
    for (size_t j = 0; j < i; j++) CHECK(statuses[j] != status);
  }
  size_t all = 0;
  CHECK_IS(seawall_status_list(statuses, 2, &all), SEAWALL_OK);
  CHECK(all == count);
  CHECK(str_is(seawall_status_name(SEAWALL_CIRCUIT_OPEN), "circuit_open"));
  CHECK(str_is(seawall_status_name(12345), ""));

  for (uint8_t outcome = 0; outcome < 8; outcome++) {
    uint8_t again = 99;
    CHECK_IS(seawall_outcome_parse(seawall_outcome_name(outcome), &again), SEAWALL_OK);
    CHECK_IS(again, outcome);
  }
  uint8_t none = 0;
  CHECK_IS(seawall_outcome_parse(SEAWALL_STR("splendid"), &none), SEAWALL_UNKNOWN_VALUE);
  CHECK_IS(none, SEAWALL_NOTHING);
  CHECK(str_is(seawall_outcome_name(8), ""));
  CHECK(str_is(seawall_state_name(SEAWALL_STATE_HALF_OPEN), "half_open"));
  CHECK(str_is(seawall_state_name(6), ""));
  CHECK(str_is(seawall_stop_name(SEAWALL_STOP_BUDGET), "budget"));
  CHECK(str_is(seawall_stop_name(0), ""));
  CHECK(str_is(seawall_fallback_name(SEAWALL_FALLBACK_FAIL_CLOSED), "fail_closed"));
  CHECK(str_is(seawall_fallback_name(7), ""));
  return done("layout");
}
