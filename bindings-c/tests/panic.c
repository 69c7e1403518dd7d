/* A fault of the library itself: no unwinding into C, a status, and the call runs. */
#include "check.h"

void seawall_panic_arm(void); /* only in the library that is built for this test */

static void decisions(seawall_registry *registry) {
  seawall_policy *policy = new_policy(registry, "{\"breaker\":{},\"retry\":{}}");
  CHECK_IS(seawall_breaker_control(policy, SEAWALL_CONTROL_FORCE_OPEN, 0), SEAWALL_OK);
  seawall_events *events = NULL;
  CHECK_IS(seawall_events_new(registry, &events), SEAWALL_OK);
  seawall_call *call = NULL;
  seawall_step step = new_step();
  CHECK_IS(seawall_call_new(policy, NULL, &call), SEAWALL_OK);
  seawall_panic_arm();
  CHECK_IS(seawall_call_start(call, &step), SEAWALL_PANICKED);
  CHECK(step.kind == SEAWALL_STEP_RUN && step.attempt == 1 && step.span == SEAWALL_NONE);
  CHECK_IS(seawall_call_done(call, 1, SEAWALL_OUTCOME_FAILURE, SEAWALL_NO_HINT, &step), SEAWALL_OK);
  CHECK(step.kind == SEAWALL_STEP_FINISH && step.verdict == SEAWALL_VERDICT_SETTLE);
  seawall_call_free(call);
  seawall_text json = {NULL, 0};
  CHECK_IS(seawall_events_drain(events, &json, NULL), SEAWALL_OK);
  CHECK(text_has(&json, "\"internal\""));
  seawall_text_free(&json);
  seawall_events_free(events);

  /* After the attempt has run, what it gave stands. */
  CHECK_IS(seawall_breaker_control(policy, SEAWALL_CONTROL_RESET, 0), SEAWALL_OK);
  CHECK_IS(seawall_call_new(policy, NULL, &call), SEAWALL_OK);
  CHECK_IS(seawall_call_start(call, &step), SEAWALL_OK);
  seawall_panic_arm();
  CHECK_IS(seawall_call_done(call, 1, SEAWALL_OUTCOME_FAILURE, SEAWALL_NO_HINT, &step), SEAWALL_PANICKED);
  CHECK(step.kind == SEAWALL_STEP_FINISH && step.verdict == SEAWALL_VERDICT_SETTLE);
  seawall_call_free(call);

  seawall_panic_arm();
  CHECK(seawall_policy_pass(policy, NULL) == SEAWALL_ASK);
  uint64_t permit = 9;
  seawall_panic_arm();
  CHECK_IS(seawall_breaker_acquire(policy, &permit, NULL), SEAWALL_PANICKED);
  CHECK_IS(permit, 0);
  seawall_panic_arm();
  CHECK(seawall_policy_clone(policy) == NULL);
  seawall_panic_arm();
  CHECK(seawall_version().len == 0 || seawall_status_name(0).len == 0); /* the first guarded one */
  seawall_policy_free(policy);
}

int main(void) {
  seawall_registry *registry = new_registry();
  decisions(registry);
  uint64_t now = 9;
  seawall_panic_arm();
  CHECK_IS(seawall_registry_now(registry, &now), SEAWALL_PANICKED);
  CHECK_IS(now, 0);
  CHECK_IS(seawall_registry_now(registry, &now), SEAWALL_OK);
  seawall_registry_free(registry);
  return done("panic");
}
