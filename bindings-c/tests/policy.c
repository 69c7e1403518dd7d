/* Making policies, what a driver must know of them, keys, and the way past the stepper. */
#include "check.h"

static void bad_settings(void) {
  seawall_registry *registry = new_registry();
  static const struct { const char *json, *code, *path; } bad[] = {
      {"{\"breaker\":{\"open_fr\":\"1s\"}}", "unknown_option", "/breaker/open_fr"},
      {"{\"retry\":{\"attempts\":\"three\"}}", "wrong_type", "/retry/attempts"},
      {"{\"breaker\":{\"open_for\":30}}", "missing_unit", "/breaker/open_for"},
      {"{\"breaker\":", "syntax", ""},
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    seawall_policy *policy = (seawall_policy *)registry;
    seawall_text why = {NULL, 0};
    CHECK_IS(seawall_policy_new(registry, str(bad[i].json), &policy, &why), SEAWALL_INVALID_CONFIG);
    CHECK(policy == NULL);
    CHECK(text_has(&why, bad[i].code) && text_has(&why, bad[i].path) && text_has(&why, "\"message\""));
    seawall_text_free(&why);
  }
  seawall_policy *policy = NULL;
  CHECK_IS(seawall_policy_new(registry, (seawall_str){"{\xff}", 3}, &policy, NULL), SEAWALL_INVALID_TEXT);
  seawall_registry_free(registry);
}

static void shape(void) {
  seawall_registry *registry = new_registry();
  seawall_policy *policy = new_policy(
      registry,
      "{\"breaker\":{},\"retry\":{\"budget\":{\"kind\":\"tokens\"}},\"timeout\":{\"attempt\":\"250ms\",\"deadline\":\"2s\"},"
      "\"fallback\":{\"chain\":[\"cached\",\"value\"],\"value\":\"nobody\"},\"cache\":{\"ttl\":\"60s\",\"stale_for\":\"5m\",\"size\":7}}");
  seawall_shape shape = {.size = sizeof shape};
  CHECK_IS(seawall_policy_shape(policy, &shape), SEAWALL_OK);
  CHECK_IS(shape.parts, 1 << 1 | 1 << 2 | 1 << 3 | 1 << 5 | 1 << 6 | 1 << 7);
  CHECK_IS(shape.attempt_timeout, 250 * MILLISECONDS);
  CHECK_IS(shape.deadline, 2 * SECONDS);
  CHECK(shape.idle_timeout == SEAWALL_NONE);
  CHECK_IS(shape.cache_size, 7);
  CHECK_IS(shape.cache_ttl, 60 * SECONDS);
  CHECK_IS(shape.cache_stale_for, 300 * SECONDS);
  CHECK_IS(shape.fallback_count, 2);
  uint8_t step = 0;
  seawall_text value = {NULL, 0};
  CHECK_IS(seawall_policy_fallback(policy, 0, &step, &value), SEAWALL_OK);
  CHECK(step == SEAWALL_FALLBACK_CACHED && value.ptr == NULL);
  CHECK_IS(seawall_policy_fallback(policy, 1, &step, &value), SEAWALL_OK);
  CHECK(step == SEAWALL_FALLBACK_VALUE && strcmp(value.ptr, "\"nobody\"") == 0);
  seawall_text_free(&value);
  CHECK_IS(seawall_policy_fallback(policy, 2, &step, &value), SEAWALL_UNKNOWN_VALUE);
  CHECK_IS(step, SEAWALL_NOTHING);
  shape.size = 4;
  CHECK_IS(seawall_policy_shape(policy, &shape), SEAWALL_INVALID_SIZE);

  CHECK(shows(policy, "\"closed\""));
  seawall_policy_free(policy);
  seawall_registry_free(registry);
}

static void keys(void) {
  seawall_registry *registry = new_registry();
  seawall_policy *policy = new_policy(registry, "{\"breaker\":{}}");
  seawall_policy *a = NULL, *b = NULL, *again = NULL;
  CHECK_IS(seawall_policy_at(policy, SEAWALL_STR("a"), &a), SEAWALL_OK);
  CHECK_IS(seawall_policy_at(policy, SEAWALL_STR("b"), &b), SEAWALL_OK);
  CHECK_IS(seawall_policy_at(policy, SEAWALL_STR("a"), &again), SEAWALL_OK);
  CHECK_IS(seawall_breaker_control(a, SEAWALL_CONTROL_FORCE_OPEN, 0), SEAWALL_OK);
  uint8_t state = 99;
  CHECK_IS(seawall_breaker_state(again, &state), SEAWALL_OK);
  CHECK_IS(state, SEAWALL_STATE_FORCED_OPEN);
  CHECK_IS(seawall_breaker_state(b, &state), SEAWALL_OK);
  CHECK_IS(state, SEAWALL_STATE_CLOSED);
  uint64_t one = 0, other = 0;
  CHECK_IS(seawall_policy_id(policy, &one), SEAWALL_OK);
  CHECK_IS(seawall_policy_id(a, &other), SEAWALL_OK);
  CHECK(one == other && one != 0);
  char long_key[300];
  memset(long_key, 'k', sizeof long_key);
  seawall_policy *open = NULL;
  CHECK_IS(seawall_policy_at(policy, (seawall_str){long_key, sizeof long_key}, &open), SEAWALL_OK);
  CHECK_IS(seawall_breaker_state(open, &state), SEAWALL_NO_SUCH_PART);
  seawall_policy_free(open);
  seawall_policy_free(again);
  seawall_policy_free(b);
  seawall_policy_free(a);
  seawall_policy_free(policy);
  seawall_registry_free(registry);
}

static void passes(void) {
  seawall_registry *registry = new_registry();
  seawall_policy *policy = new_policy(registry, "{\"breaker\":{\"window\":{\"kind\":\"consecutive\",\"failures\":2}}}");
  uint64_t started = 99;
  uint64_t pass = seawall_policy_pass(policy, &started);
  CHECK(pass != SEAWALL_ASK);
  CHECK_IS(seawall_policy_succeed(policy, pass, started), 1);

  /* A pass that did not end in a success goes on as a call whose first attempt has run. */
  pass = seawall_policy_pass(policy, &started);
  seawall_call *call = NULL;
  CHECK_IS(seawall_call_after_pass(policy, pass, started, NULL, &call), SEAWALL_OK);
  seawall_step step = new_step();
  CHECK_IS(seawall_call_done(call, 1, SEAWALL_OUTCOME_FAILURE, SEAWALL_NO_HINT, &step), SEAWALL_OK);
  CHECK(step.kind == SEAWALL_STEP_FINISH && step.verdict == SEAWALL_VERDICT_SETTLE);
  seawall_call_free(call);
  CHECK(seawall_policy_pass(policy, &started) == SEAWALL_ASK); /* a streak of failures asks */
  CHECK_IS(seawall_call_after_pass(policy, SEAWALL_ASK, 0, NULL, &call), SEAWALL_STALE_HANDLE);
  CHECK(call == NULL);
  CHECK_IS(seawall_policy_succeed(policy, SEAWALL_ASK, 0), 0);

  seawall_policy *second = seawall_policy_clone(policy);
  seawall_policy_free(policy);
  CHECK_IS(seawall_breaker_control(second, SEAWALL_CONTROL_RESET, 0), SEAWALL_OK);
  CHECK(seawall_policy_pass(second, NULL) != SEAWALL_ASK);
  seawall_policy_free(second);
  seawall_registry_free(registry);
}

int main(void) {
  bad_settings();
  shape();
  keys();
  passes();
  return done("policy");
}
