/* Each function with NULL wherever a pointer goes: a status, set outputs, no crash.
 *
 * Built with ARMED, each of them panics instead: the guard round it must answer, and outputs are set all the same.
 */
#include "check.h"

#ifdef ARMED
void seawall_panic_arm(void); /* only in the library that is built for tests */
#define NULLED(call) (seawall_panic_arm(), armed_is((call), #call))

static void armed_is(seawall_status status, const char *call) {
  if (status != SEAWALL_PANICKED) fprintf(stderr, "no guard round %s\n", call);
  CHECK_IS(status, SEAWALL_PANICKED);
}
#else
#define NULLED(call) CHECK_IS((call), SEAWALL_NULL_ARGUMENT)
#endif

static void nouns(void) {
  seawall_text text = {NULL, 0};
  seawall_str some = {NULL, 0};
  seawall_registry *registry = (seawall_registry *)&text;
  seawall_policy *policy = (seawall_policy *)&text;
  uint8_t byte = 9;
  uint64_t number = 9;

  seawall_text_free(NULL);
  seawall_text_free(&text);
  NULLED(seawall_status_list(NULL, 1, NULL));
  size_t count = 0;
  NULLED(seawall_status_list(NULL, 1, &count));
  NULLED(seawall_outcome_parse(SEAWALL_STR("success"), NULL));
  NULLED(seawall_outcome_parse((seawall_str){NULL, 3}, &byte));

  NULLED(seawall_registry_global(NULL));
  NULLED(seawall_registry_manual(1, NULL));
  NULLED(seawall_registry_manual_with(1, SEAWALL_STR("{}"), NULL));
  CHECK(seawall_registry_clone(NULL) == NULL);
  seawall_registry_free(NULL);
  NULLED(seawall_registry_enabled(NULL, &byte));
  CHECK_IS(byte, 0);
  NULLED(seawall_registry_set_enabled(NULL, 1));
  NULLED(seawall_registry_now(NULL, &number));
  CHECK_IS(number, 0);
  NULLED(seawall_registry_is_manual(NULL, NULL));
  NULLED(seawall_registry_freeze(NULL));
  NULLED(seawall_registry_thaw(NULL));
  NULLED(seawall_registry_advance(NULL, 1));
  NULLED(seawall_registry_reseed(NULL, 1));
  NULLED(seawall_registry_script(NULL, 0.5));
  NULLED(seawall_registry_uniform(NULL, NULL));
  NULLED(seawall_registry_load(NULL, some, some, NULL));
  NULLED(seawall_registry_load_path(NULL, some, NULL));
  NULLED(seawall_registry_reload(NULL, NULL));
  NULLED(seawall_registry_tick(NULL));
  NULLED(seawall_registry_take_wakes(NULL, NULL, 0, NULL));
  NULLED(seawall_registry_metrics(NULL, &text));
  NULLED(seawall_registry_snapshot(NULL, NULL));
  NULLED(seawall_registry_find(NULL, some, &policy));
  CHECK(policy == NULL);
  NULLED(seawall_registry_operation_timeout(NULL, some, NULL));
  NULLED(seawall_registry_resource_limit(NULL, some, NULL));

  policy = (seawall_policy *)registry;
  NULLED(seawall_policy_new(NULL, some, &policy, NULL));
  NULLED(seawall_policy_new_at(NULL, some, some, &policy, NULL));
  CHECK(policy == NULL);
  NULLED(seawall_policy_named(NULL, some, NULL, NULL));
  NULLED(seawall_policy_at(NULL, some, NULL));
  CHECK(seawall_policy_clone(NULL) == NULL);
  seawall_policy_free(NULL);
  NULLED(seawall_policy_name(NULL, NULL));
  NULLED(seawall_policy_host_problem(NULL, NULL));
  NULLED(seawall_policy_id(NULL, NULL));
  NULLED(seawall_policy_enabled(NULL, NULL));
  NULLED(seawall_policy_shape(NULL, NULL));
  NULLED(seawall_policy_config(NULL, NULL));
  NULLED(seawall_policy_fallback(NULL, 0, NULL, NULL));
  NULLED(seawall_policy_snapshot(NULL, NULL));
  CHECK(seawall_policy_pass(NULL, NULL) == SEAWALL_ASK);
  CHECK_IS(seawall_policy_succeed(NULL, 7, 0), 0);
  seawall_overlay overlay = {.size = sizeof overlay, .lines = 9};
  NULLED(seawall_policy_overlay(NULL, &overlay));
  CHECK_IS(overlay.lines, 0);
  NULLED(seawall_policy_overlay(policy, NULL));
  NULLED(seawall_policy_report(NULL, SEAWALL_PASSED, 0));
  seawall_admission admission = {.size = sizeof admission, .pass = 9};
  NULLED(seawall_policy_admit(NULL, &admission, NULL));
  CHECK_IS(admission.pass, SEAWALL_ASK);
  NULLED(seawall_policy_admit(policy, NULL, NULL));
  count = 9;
  NULLED(seawall_policy_dismiss(NULL, &admission, NULL, 0, &count));
  CHECK_IS(count, 0);
  seawall_ending *ending = (seawall_ending *)&text;
  NULLED(seawall_ending_new(NULL, 1, some, &ending));
  CHECK(ending == NULL);
  NULLED(seawall_ending_new(policy, 1, some, NULL));
  CHECK_IS(seawall_policy_end(NULL, SEAWALL_PASSED, NULL), 0);
  seawall_ending_free(NULL);
  seawall_ending_lines counted = {.size = sizeof counted};
  NULLED(seawall_ending_counted(NULL, ending, &counted));
  NULLED(seawall_ending_counted(policy, NULL, &counted));
  NULLED(seawall_ending_counted(policy, ending, NULL));
  seawall_failure_log log = {.size = sizeof log};
  NULLED(seawall_policy_failure_log(NULL, &log));
  NULLED(seawall_policy_failure_log(policy, NULL));
  seawall_policy_judge(NULL, 1);
  seawall_call *call = (seawall_call *)&text;
  NULLED(seawall_call_after_admission(NULL, &admission, NULL, &call));
  CHECK(call == NULL);
  seawall_step next = new_step();
  call = (seawall_call *)&text;
  NULLED(seawall_policy_fail(NULL, &admission, 0, 0, some, NULL, &next, &call));
  CHECK(call == NULL);
}

static void parts(void) {
  uint64_t tickets[1], number = 9;
  size_t count = 9;
  uint8_t byte = 9;
  NULLED(seawall_call_new(NULL, NULL, NULL));
  NULLED(seawall_call_after_pass(NULL, 1, 0, NULL, NULL));
  seawall_step step = new_step();
  NULLED(seawall_call_start(NULL, &step));
  CHECK(step.kind == 0 && step.span == SEAWALL_NONE && step.size == sizeof step);
  NULLED(seawall_call_done(NULL, 1, 0, 0, NULL));
  NULLED(seawall_call_expire(NULL, 1, &step));
  NULLED(seawall_call_woke(NULL, &step));
  NULLED(seawall_call_cancelled(NULL, 0, &step));
  NULLED(seawall_call_looked_up(NULL, 0, &step));
  NULLED(seawall_call_fell_back(NULL, 0, &step));
  NULLED(seawall_call_take_wakes(NULL, tickets, 1, &count));
  CHECK_IS(count, 0);
  NULLED(seawall_call_remaining(NULL, &number));
  CHECK(number == SEAWALL_NONE);
  NULLED(seawall_call_settle_cost(NULL, SEAWALL_STR("{}")));
  NULLED(seawall_call_commit(NULL));
  NULLED(seawall_call_unenforced(NULL));
  NULLED(seawall_call_last_attempt(NULL));
  NULLED(seawall_call_error_type(NULL, SEAWALL_STR("x")));
  NULLED(seawall_call_refusal(NULL, NULL));
  seawall_call_free(NULL);

  NULLED(seawall_breaker_acquire(NULL, NULL, NULL));
  NULLED(seawall_breaker_record(NULL, 1, 0, 0, 0));
  NULLED(seawall_breaker_control(NULL, SEAWALL_CONTROL_OPEN, 0));
  NULLED(seawall_breaker_state(NULL, &byte));
  CHECK_IS(byte, SEAWALL_NOTHING);
  NULLED(seawall_bulkhead_enter(NULL, 0, NULL, NULL));
  NULLED(seawall_bulkhead_poll(NULL, 1, NULL, NULL));
  NULLED(seawall_bulkhead_cancel(NULL, 1, NULL, 0, NULL));
  NULLED(seawall_bulkhead_leave(NULL, 1, NULL, 0, NULL));
  NULLED(seawall_bulkhead_resize(NULL, 1, NULL, 0, NULL));
  NULLED(seawall_bulkhead_take_wakes(NULL, NULL, 0, NULL));
  NULLED(seawall_schedule_new(NULL, NULL));
  NULLED(seawall_schedule_next(NULL, 0, 0, 0, NULL, NULL));
  NULLED(seawall_schedule_attempts(NULL, NULL));
  seawall_schedule_free(NULL);
  NULLED(seawall_budget_begin(NULL));
  NULLED(seawall_budget_end(NULL));
  NULLED(seawall_budget_withdraw(NULL, 1, NULL, NULL));
  NULLED(seawall_budget_retry_end(NULL, 1));
  NULLED(seawall_budget_success(NULL, 1));
  NULLED(seawall_budget_balance(NULL, NULL));
  NULLED(seawall_budget_limit(NULL, NULL));
  NULLED(seawall_budget_active(NULL, NULL));
  NULLED(seawall_cost_check(NULL, NULL));
  NULLED(seawall_cost_reserve(NULL, SEAWALL_STR("{}"), NULL, NULL));
  NULLED(seawall_cost_settle(NULL, SEAWALL_STR("{}")));
  seawall_reservation_free(NULL);
  NULLED(seawall_events_new(NULL, NULL));
  NULLED(seawall_events_drain(NULL, NULL, NULL));
  seawall_events_free(NULL);
  NULLED(seawall_classify_http(200, NULL));
  NULLED(seawall_classify_grpc(0, NULL));
  NULLED(seawall_classify_error(SEAWALL_STR(""), SEAWALL_STR("x"), NULL));
  NULLED(seawall_classify_retry_after(SEAWALL_STR("1"), 0, NULL));
}

#ifndef ARMED
/* A good handle beside an output that is missing. */
static void outputs(void) {
  seawall_registry *registry = new_registry();
  seawall_policy *policy = new_policy(registry, "{\"breaker\":{},\"bulkhead\":{},\"retry\":{}}");
  size_t count = 9;
  NULLED(seawall_registry_now(registry, NULL));
  NULLED(seawall_registry_metrics(registry, NULL));
  NULLED(seawall_policy_new(registry, SEAWALL_STR("{}"), NULL, NULL));
  NULLED(seawall_policy_at(policy, SEAWALL_STR("k"), NULL));
  NULLED(seawall_policy_shape(policy, NULL));
  NULLED(seawall_breaker_acquire(policy, NULL, NULL));
  NULLED(seawall_bulkhead_enter(policy, 0, NULL, NULL));
  NULLED(seawall_bulkhead_leave(policy, 1, NULL, 1, &count));
  NULLED(seawall_schedule_new(policy, NULL));
  seawall_call *call = NULL;
  CHECK_IS(seawall_call_new(policy, NULL, &call), SEAWALL_OK);
  NULLED(seawall_call_start(call, NULL));
  seawall_step step = new_step();
  CHECK_IS(seawall_call_start(call, &step), SEAWALL_OK); /* the attempt above changed nothing */
  CHECK_IS(step.kind, SEAWALL_STEP_RUN);
  NULLED(seawall_call_remaining(call, NULL));
  seawall_call_free(call);
  seawall_policy_free(policy);
  seawall_registry_free(registry);
}
#endif

int main(void) {
  nouns();
  parts();
#ifdef ARMED
  return done("null, armed");
#else
  outputs();
  return done("null");
#endif
}
