/* Calls that are let in at once: what they hold, how they give it back, and misuse. */
#include "check.h"

static seawall_admission admit(const seawall_policy *policy) {
  seawall_admission admission = {.size = sizeof admission, .pass = 9};
  CHECK_IS(seawall_policy_admit(policy, &admission, NULL), SEAWALL_OK);
  return admission;
}

/* What is known of a kind of errors ends a call in scalars, and is counted as the long way counts it. */
static void endings(seawall_registry *registry) {
  seawall_policy *once = new_policy(registry, "{\"name\":\"ended\",\"breaker\":{}}");
  seawall_policy *again = new_policy(registry, "{\"breaker\":{},\"retry\":{}}");
  seawall_overlay overlay = {.size = sizeof overlay};
  CHECK_IS(seawall_policy_overlay(once, &overlay), SEAWALL_OK);
  uint64_t pass = SEAWALL_PASSED | *overlay.gate;
  seawall_ending *failed = NULL, *wrong = NULL, *left = NULL;
  CHECK_IS(seawall_ending_new(once, SEAWALL_OUTCOME_FAILURE, SEAWALL_STR("io"), &failed), SEAWALL_OK);
  CHECK_IS(seawall_ending_new(once, SEAWALL_OUTCOME_PERMANENT, SEAWALL_STR("wrong"), &wrong), SEAWALL_OK);
  CHECK_IS(seawall_ending_new(once, SEAWALL_OUTCOME_CANCELLED, SEAWALL_STR("left"), &left), SEAWALL_OK);
  for (int i = 0; i < 3; i++) CHECK_IS(seawall_policy_end(once, pass, failed), 1);
  CHECK(shows(once, "\"failure\":3") && shows(once, "\"consecutive_failures\":3"));
  CHECK_IS(seawall_policy_end(once, pass, wrong), 1); /* the caller's fault: a success of the dependency */
  CHECK(shows(once, "\"failure\":3") && shows(once, "\"success\":1"));
  CHECK_IS(seawall_policy_end(once, pass, left), 0); /* who has gone says so the long way */
  CHECK_IS(seawall_policy_end(once, 7, failed), 0);  /* no pass */
  for (int i = 0; i < 5; i++) CHECK_IS(seawall_policy_end(once, pass, failed), 1);
  CHECK(shows(once, "\"state\":\"open\""));
  CHECK_IS(seawall_policy_end(once, pass, failed), 1);
  CHECK(shows(once, "\"stale\":1"));
  seawall_text metrics = {NULL, 0};
  CHECK_IS(seawall_registry_metrics(registry, &metrics), SEAWALL_OK);
  CHECK(text_has(&metrics, "seawall_call_errors_total{policy=\"ended\",scope=\"process\",outcome=\"failure\",error_type=\"io\"} 9"));
  CHECK(text_has(&metrics, "seawall_retry_attempts_total{policy=\"ended\",scope=\"process\",outcome=\"failure\"} 9"));
  seawall_text_free(&metrics);

  /* Where there may be more to do nothing is taken. */
  seawall_shape shape = {.size = sizeof shape};
  CHECK_IS(seawall_policy_shape(once, &shape), SEAWALL_OK);
  CHECK_IS(shape.ends, 1);
  CHECK_IS(seawall_policy_shape(again, &shape), SEAWALL_OK);
  CHECK_IS(shape.ends, 0);
  seawall_ending *retried = NULL, *none = failed;
  CHECK_IS(seawall_ending_new(again, SEAWALL_OUTCOME_FAILURE, SEAWALL_STR("io"), &retried), SEAWALL_OK);
  CHECK_IS(seawall_policy_end(again, pass, retried), 0);
  CHECK(shows(again, "\"failure\":0"));
  CHECK_IS(seawall_ending_new(again, 99, SEAWALL_STR("io"), &none), SEAWALL_UNKNOWN_VALUE);
  CHECK(none == NULL);
  CHECK_IS(seawall_ending_new(again, 1, SEAWALL_STR("\xff"), &none), SEAWALL_INVALID_TEXT);
  seawall_ending_free(retried);
  seawall_ending_free(left);
  seawall_ending_free(wrong);
  seawall_ending_free(failed);
  seawall_policy_free(again);
  seawall_policy_free(once);
}

static void success_gives_the_place_back(seawall_registry *registry) {
  seawall_policy *policy = new_policy(registry, "{\"breaker\":{},\"bulkhead\":{\"limit\":1,\"queue\":3,\"max_wait\":\"1s\"}}");
  seawall_shape shape = {.size = sizeof shape};
  CHECK_IS(seawall_policy_shape(policy, &shape), SEAWALL_OK);
  CHECK_IS(shape.admits, 1);
  CHECK_IS(shape.moves, 0);
  seawall_admission in = admit(policy), full = admit(policy);
  CHECK(in.pass & SEAWALL_PASSED);
  CHECK_IS(full.pass, SEAWALL_ASK);
  CHECK(shows(policy, "\"in_use\":1"));

  seawall_call *call = NULL;
  seawall_step step = new_step();
  CHECK_IS(seawall_call_new(policy, NULL, &call), SEAWALL_OK);
  CHECK_IS(seawall_call_start(call, &step), SEAWALL_OK);
  CHECK_IS(step.kind, SEAWALL_STEP_QUEUE);
  uint64_t woken[2] = {0, 0};
  size_t count = 9;
  CHECK_IS(seawall_policy_dismiss(policy, &in, woken, 2, &count), SEAWALL_OK);
  CHECK_IS(count, 1);
  CHECK(woken[0] == step.ticket);
  CHECK_IS(seawall_call_woke(call, &step), SEAWALL_OK);
  CHECK_IS(seawall_call_done(call, 1, SEAWALL_OUTCOME_SUCCESS, SEAWALL_NO_HINT, &step), SEAWALL_OK);
  seawall_call_free(call);
  CHECK(shows(policy, "\"in_use\":0") && shows(policy, "\"success\":2"));

  /* What did not fit is fetched later. */
  in = admit(policy);
  CHECK_IS(seawall_call_new(policy, NULL, &call), SEAWALL_OK);
  CHECK_IS(seawall_call_start(call, &step), SEAWALL_OK);
  CHECK_IS(seawall_policy_dismiss(policy, &in, NULL, 0, &count), SEAWALL_OK);
  CHECK_IS(count, 0);
  CHECK_IS(seawall_bulkhead_take_wakes(policy, woken, 2, &count), SEAWALL_OK);
  CHECK(count == 1 && woken[0] == step.ticket);
  seawall_call_free(call);
  seawall_policy_free(policy);
}

static void failure_goes_on_as_a_call(seawall_registry *registry) {
  seawall_policy *policy = new_policy(
      registry, "{\"breaker\":{\"window\":{\"kind\":\"consecutive\",\"failures\":2}},\"bulkhead\":{\"limit\":1},\"retry\":{}}");
  seawall_admission in = admit(policy);
  seawall_call_options options = {.size = sizeof options, .deadline = SEAWALL_NONE};
  seawall_call *call = NULL;
  seawall_step step = new_step();
  CHECK_IS(seawall_call_after_admission(policy, &in, &options, &call), SEAWALL_OK);
  CHECK(shows(policy, "\"in_use\":1"));
  CHECK_IS(seawall_call_done(call, 1, SEAWALL_OUTCOME_FAILURE, SEAWALL_NO_HINT, &step), SEAWALL_OK);
  CHECK_IS(step.kind, SEAWALL_STEP_WAIT);
  CHECK(shows(policy, "\"in_use\":0"));
  CHECK_IS(seawall_call_woke(call, &step), SEAWALL_OK);
  CHECK_IS(seawall_call_done(call, 2, SEAWALL_OUTCOME_FAILURE, SEAWALL_NO_HINT, &step), SEAWALL_OK);
  seawall_call_free(call);

  /* Open beyond doubt: the status says so, and why. */
  seawall_admission none = {.size = sizeof none, .pass = 9};
  seawall_refusal why = {.size = sizeof why};
  CHECK_IS(seawall_policy_admit(policy, &none, &why), SEAWALL_CIRCUIT_OPEN);
  CHECK_IS(none.pass, SEAWALL_ASK);
  CHECK(why.status == SEAWALL_CIRCUIT_OPEN && why.state == SEAWALL_STATE_OPEN && why.retry_after > 0);
  CHECK(shows(policy, "\"rejected\":1"));

  /* Where nobody tries again one report is all. */
  CHECK_IS(seawall_breaker_control(policy, SEAWALL_CONTROL_RESET, 0), SEAWALL_OK);
  in = admit(policy);
  CHECK_IS(seawall_policy_fail(policy, &in, SEAWALL_OUTCOME_FAILURE, SEAWALL_NO_HINT, SEAWALL_STR("io"), NULL, &step, &call), SEAWALL_OK);
  CHECK(call != NULL && step.kind == SEAWALL_STEP_WAIT && step.attempt == 1);
  seawall_call_free(call);
  in = admit(policy);
  CHECK_IS(seawall_policy_fail(policy, &in, SEAWALL_OUTCOME_PERMANENT, SEAWALL_NO_HINT, (seawall_str){NULL, 0}, &options, &step, &call), SEAWALL_OK);
  CHECK(call == NULL && step.kind == SEAWALL_STEP_FINISH && step.verdict == SEAWALL_VERDICT_SETTLE);
  CHECK(step.stop == SEAWALL_STOP_PERMANENT && step.outcome == SEAWALL_OUTCOME_PERMANENT);
  seawall_policy *once = new_policy(registry, "{\"breaker\":{}}");
  in = admit(once);
  CHECK_IS(seawall_policy_fail(once, &in, SEAWALL_OUTCOME_FAILURE, SEAWALL_NO_HINT, SEAWALL_STR("io"), NULL, &step, &call), SEAWALL_OK);
  CHECK(call == NULL && step.kind == SEAWALL_STEP_FINISH && step.verdict == SEAWALL_VERDICT_SETTLE && step.attempt == 1);
  CHECK(step.outcome == SEAWALL_OUTCOME_FAILURE);
  seawall_overlay overlay = {.size = sizeof overlay};
  CHECK_IS(seawall_policy_overlay(once, &overlay), SEAWALL_OK);
  seawall_admission pass = {.size = sizeof pass, .pass = SEAWALL_PASSED | *overlay.gate};
  CHECK_IS(seawall_policy_fail(once, &pass, SEAWALL_OUTCOME_FAILURE, SEAWALL_NO_HINT, SEAWALL_STR("io"), NULL, &step, &call), SEAWALL_OK);
  CHECK(call == NULL && shows(once, "\"failure\":2"));
  seawall_policy_free(once);
  endings(registry);

  /* Let in, and never heard of again. */
  CHECK_IS(seawall_breaker_control(policy, SEAWALL_CONTROL_RESET, 0), SEAWALL_OK);
  in = admit(policy);
  CHECK_IS(seawall_call_after_admission(policy, &in, NULL, &call), SEAWALL_OK);
  seawall_call_free(call);
  CHECK(shows(policy, "\"in_use\":0"));
  seawall_policy_free(policy);
}

static void misuse(seawall_registry *registry) {
  seawall_policy *policy = new_policy(registry, "{\"bulkhead\":{\"limit\":1}}");
  seawall_call *call = (seawall_call *)policy;
  size_t count = 9;
  seawall_admission small = {.size = 8}, forged = {.size = sizeof forged, .pass = 1}, in = admit(policy);
  CHECK_IS(seawall_policy_admit(policy, &small, NULL), SEAWALL_INVALID_SIZE);
  CHECK_IS(seawall_policy_dismiss(policy, &small, NULL, 0, &count), SEAWALL_INVALID_SIZE);
  CHECK_IS(seawall_policy_dismiss(policy, &forged, NULL, 0, &count), SEAWALL_STALE_HANDLE);
  CHECK_IS(seawall_policy_dismiss(policy, NULL, NULL, 0, &count), SEAWALL_NULL_ARGUMENT);
  CHECK_IS(seawall_policy_dismiss(policy, &in, NULL, 1, &count), SEAWALL_NULL_ARGUMENT);
  CHECK_IS(seawall_policy_dismiss(policy, &in, NULL, 0, NULL), SEAWALL_NULL_ARGUMENT);
  CHECK_IS(seawall_call_after_admission(policy, NULL, NULL, &call), SEAWALL_NULL_ARGUMENT);
  CHECK(call == NULL);
  CHECK_IS(seawall_call_after_admission(policy, &forged, NULL, &call), SEAWALL_STALE_HANDLE);
  CHECK_IS(seawall_call_after_admission(policy, &in, NULL, NULL), SEAWALL_NULL_ARGUMENT);
  seawall_step step = new_step();
  CHECK_IS(seawall_policy_fail(policy, &in, 99, 0, SEAWALL_STR(""), NULL, &step, &call), SEAWALL_UNKNOWN_VALUE);
  CHECK_IS(seawall_policy_fail(policy, &in, 1, 0, SEAWALL_STR("\xff"), NULL, &step, &call), SEAWALL_INVALID_TEXT);
  CHECK_IS(seawall_policy_fail(policy, &in, 1, 0, SEAWALL_STR(""), NULL, NULL, &call), SEAWALL_NULL_ARGUMENT);
  CHECK_IS(seawall_policy_fail(policy, &in, 1, 0, SEAWALL_STR(""), NULL, &step, NULL), SEAWALL_NULL_ARGUMENT);
  CHECK_IS(seawall_policy_fail(policy, &forged, 1, 0, SEAWALL_STR(""), NULL, &step, &call), SEAWALL_STALE_HANDLE);
  CHECK(shows(policy, "\"in_use\":1")); /* nothing of that took it */
  CHECK_IS(seawall_policy_dismiss(policy, &in, NULL, 0, &count), SEAWALL_OK);
  CHECK_IS(seawall_policy_dismiss(policy, &in, NULL, 0, &count), SEAWALL_STALE_HANDLE); /* twice */
  CHECK_IS(seawall_call_after_admission(policy, &in, NULL, &call), SEAWALL_STALE_HANDLE);
  CHECK(shows(policy, "\"in_use\":0") && shows(policy, "\"admitted\":1"));
  seawall_policy_free(policy);

  /* What has to be stepped is never let in. */
  policy = new_policy(registry, "{\"bulkhead\":{},\"timeout\":{\"attempt\":\"1s\"}}");
  CHECK_IS(admit(policy).pass, SEAWALL_ASK);
  seawall_shape shape = {.size = sizeof shape};
  CHECK_IS(seawall_policy_shape(policy, &shape), SEAWALL_OK);
  CHECK_IS(shape.admits, 0);
  seawall_policy_free(policy);
}

int main(void) {
  seawall_registry *registry = new_registry();
  success_gives_the_place_back(registry);
  failure_goes_on_as_a_call(registry);
  misuse(registry);
  seawall_registry_free(registry);
  return done("admission");
}
