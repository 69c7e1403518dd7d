/* What a driver may get wrong: reports twice, too late, out of order, with numbers that mean nothing. */
#include "check.h"

static void out_of_order(seawall_registry *registry) {
  seawall_policy *policy = new_policy(registry, "{\"retry\":{\"attempts\":2,\"backoff\":{\"kind\":\"fixed\",\"base\":\"1s\"},\"jitter\":\"none\"},\"breaker\":{}}");
  seawall_call *call = NULL;
  seawall_step step = new_step();
  CHECK_IS(seawall_call_new(policy, NULL, &call), SEAWALL_OK);
  CHECK_IS(seawall_call_done(call, 1, SEAWALL_OUTCOME_SUCCESS, SEAWALL_NO_HINT, &step), SEAWALL_WRONG_ORDER);
  CHECK_IS(step.kind, 0); /* nothing has been asked yet */
  CHECK_IS(seawall_call_woke(call, &step), SEAWALL_WRONG_ORDER);
  CHECK_IS(seawall_call_start(call, &step), SEAWALL_OK);
  CHECK_IS(seawall_call_start(call, &step), SEAWALL_WRONG_ORDER);
  CHECK(step.kind == SEAWALL_STEP_RUN && step.attempt == 1);
  CHECK_IS(seawall_call_woke(call, &step), SEAWALL_WRONG_ORDER);
  CHECK_IS(seawall_call_looked_up(call, 1, &step), SEAWALL_WRONG_ORDER);
  CHECK_IS(seawall_call_fell_back(call, 1, &step), SEAWALL_WRONG_ORDER);
  CHECK_IS(seawall_call_done(call, 2, SEAWALL_OUTCOME_SUCCESS, SEAWALL_NO_HINT, &step), SEAWALL_STALE_HANDLE);
  CHECK_IS(seawall_call_expire(call, 7, &step), SEAWALL_STALE_HANDLE);
  CHECK_IS(seawall_call_done(call, 1, 8, SEAWALL_NO_HINT, &step), SEAWALL_UNKNOWN_VALUE);
  CHECK(step.kind == SEAWALL_STEP_RUN && step.attempt == 1);
  CHECK_IS(seawall_call_done(call, 1, SEAWALL_OUTCOME_FAILURE, SEAWALL_NO_HINT, &step), SEAWALL_OK);
  CHECK_IS(step.kind, SEAWALL_STEP_WAIT);
  /* The same attempt a second time: not counted, the same step again. */
  CHECK_IS(seawall_call_done(call, 1, SEAWALL_OUTCOME_FAILURE, SEAWALL_NO_HINT, &step), SEAWALL_WRONG_ORDER);
  CHECK(step.kind == SEAWALL_STEP_WAIT && step.span == SECONDS);
  CHECK(shows(policy, "\"consecutive_failures\":1"));
  CHECK_IS(seawall_registry_advance(registry, SECONDS), SEAWALL_OK);
  CHECK_IS(seawall_call_woke(call, &step), SEAWALL_OK);
  CHECK_IS(seawall_call_done(call, 2, SEAWALL_OUTCOME_SUCCESS, SEAWALL_NO_HINT, &step), SEAWALL_OK);
  CHECK_IS(step.kind, SEAWALL_STEP_FINISH);
  CHECK_IS(seawall_call_done(call, 2, SEAWALL_OUTCOME_FAILURE, SEAWALL_NO_HINT, &step), SEAWALL_WRONG_ORDER);
  CHECK_IS(seawall_call_cancelled(call, 0, &step), SEAWALL_WRONG_ORDER);
  CHECK(step.kind == SEAWALL_STEP_FINISH && step.verdict == SEAWALL_VERDICT_SETTLE);
  seawall_call_free(call);
  seawall_policy_free(policy);
}

static void old_permits(seawall_registry *registry) {
  seawall_policy *policy = new_policy(registry, "{\"breaker\":{},\"bulkhead\":{\"limit\":2}}");
  uint64_t permit = 0;
  CHECK_IS(seawall_breaker_acquire(policy, &permit, NULL), SEAWALL_OK);
  CHECK_IS(seawall_breaker_control(policy, SEAWALL_CONTROL_RESET, 0), SEAWALL_OK);
  CHECK_IS(seawall_breaker_record(policy, permit, SEAWALL_OUTCOME_FAILURE, 0, SEAWALL_NO_HINT), SEAWALL_OK);
  /* A probe that is reported twice counts once. */
  CHECK_IS(seawall_breaker_control(policy, SEAWALL_CONTROL_HALF_OPEN, 0), SEAWALL_OK);
  CHECK_IS(seawall_breaker_acquire(policy, &permit, NULL), SEAWALL_OK);
  CHECK_IS(seawall_breaker_record(policy, permit, SEAWALL_OUTCOME_CANCELLED, 0, SEAWALL_NO_HINT), SEAWALL_OK);
  CHECK_IS(seawall_breaker_record(policy, permit, SEAWALL_OUTCOME_SUCCESS, 0, SEAWALL_NO_HINT), SEAWALL_OK);
  uint8_t state = 99;
  CHECK_IS(seawall_breaker_state(policy, &state), SEAWALL_OK);
  CHECK_IS(state, SEAWALL_STATE_HALF_OPEN);
  CHECK(shows(policy, "\"stale\":2"));

  seawall_entry entry = {.size = sizeof entry};
  uint64_t tickets[2];
  size_t count = 0;
  CHECK_IS(seawall_bulkhead_enter(policy, 0, &entry, NULL), SEAWALL_OK);
  CHECK_IS(seawall_bulkhead_leave(policy, entry.permit, tickets, 2, &count), SEAWALL_OK);
  CHECK_IS(seawall_bulkhead_leave(policy, entry.permit, tickets, 2, &count), SEAWALL_OK);
  CHECK_IS(seawall_bulkhead_leave(policy, 987654321, tickets, 2, &count), SEAWALL_OK);
  CHECK(shows(policy, "\"in_use\":0"));
  seawall_policy_free(policy);
}

/* Structs of a caller that knows more, or less, than this library. */
static void sizes(seawall_registry *registry) {
  seawall_policy *policy = new_policy(registry, "{}");
  struct { seawall_step step; uint64_t newer; } larger = {.newer = 42};
  larger.step.size = sizeof larger;
  seawall_call *call = NULL;
  CHECK_IS(seawall_call_new(policy, NULL, &call), SEAWALL_OK);
  CHECK_IS(seawall_call_start(call, &larger.step), SEAWALL_OK);
  CHECK(larger.step.kind == SEAWALL_STEP_RUN && larger.newer == 42 && larger.step.size == sizeof larger);
  seawall_step small = {.size = 16, .kind = 77};
  CHECK_IS(seawall_call_done(call, 1, SEAWALL_OUTCOME_SUCCESS, SEAWALL_NO_HINT, &small), SEAWALL_INVALID_SIZE);
  CHECK(small.kind == 77);
  seawall_call_free(call);
  seawall_policy_free(policy);
}

static void texts(seawall_registry *registry) {
  seawall_policy *policy = NULL;
  char *huge = malloc(10240);
  CHECK(huge != NULL);
  memset(huge, 'n', 10240);
  seawall_text why = {NULL, 0};
  CHECK_IS(seawall_policy_named(registry, (seawall_str){huge, 10240}, &policy, &why), SEAWALL_INVALID_CONFIG);
  CHECK(why.ptr != NULL);
  seawall_text_free(&why);
  CHECK_IS(seawall_policy_named(registry, (seawall_str){NULL, 0}, &policy, NULL), SEAWALL_INVALID_CONFIG);
  CHECK_IS(seawall_policy_named(registry, (seawall_str){"\xc3\x28", 2}, &policy, NULL), SEAWALL_INVALID_TEXT);
  CHECK_IS(seawall_policy_named(registry, (seawall_str){huge, SIZE_MAX}, &policy, NULL), SEAWALL_INVALID_SIZE);
  CHECK(policy == NULL);
  free(huge);
}

int main(void) {
  seawall_registry *registry = new_registry();
  out_of_order(registry);
  old_permits(registry);
  sizes(registry);
  texts(registry);
  seawall_registry_free(registry);
  return done("misuse");
}
