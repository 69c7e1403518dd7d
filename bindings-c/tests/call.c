/* The stepper: retries, timeouts, queues, fallbacks and caches, one report at a time. */
#include "check.h"

static seawall_call *begin(const seawall_policy *policy, const seawall_call_options *options, seawall_step *step) {
  seawall_call *call = NULL;
  CHECK_IS(seawall_call_new(policy, options, &call), SEAWALL_OK);
  *step = new_step();
  CHECK_IS(seawall_call_start(call, step), SEAWALL_OK);
  return call;
}

static void retries(seawall_registry *registry) {
  seawall_policy *policy =
      new_policy(registry, "{\"retry\":{\"attempts\":3,\"backoff\":{\"kind\":\"fixed\",\"base\":\"100ms\"},\"jitter\":\"none\"}}");
  seawall_step step;
  seawall_call *call = begin(policy, NULL, &step);
  CHECK(step.kind == SEAWALL_STEP_RUN && step.attempt == 1 && step.span == SEAWALL_NONE);
  CHECK_IS(seawall_call_done(call, 1, SEAWALL_OUTCOME_FAILURE, SEAWALL_NO_HINT, &step), SEAWALL_OK);
  CHECK(step.kind == SEAWALL_STEP_WAIT && step.attempt == 1 && step.outcome == SEAWALL_OUTCOME_FAILURE);
  CHECK_IS(step.span, 100 * MILLISECONDS);
  CHECK_IS(seawall_registry_advance(registry, step.span), SEAWALL_OK);
  CHECK_IS(seawall_call_woke(call, &step), SEAWALL_OK);
  CHECK(step.kind == SEAWALL_STEP_RUN && step.attempt == 2);
  /* The server's word counts where it is longer. */
  CHECK_IS(seawall_call_done(call, 2, SEAWALL_OUTCOME_THROTTLED, (int64_t)(2 * SECONDS), &step), SEAWALL_OK);
  CHECK_IS(step.kind, SEAWALL_STEP_WAIT);
  CHECK_IS(step.span, 2 * SECONDS);
  CHECK_IS(seawall_registry_advance(registry, step.span), SEAWALL_OK);
  CHECK_IS(seawall_call_woke(call, &step), SEAWALL_OK);
  CHECK_IS(seawall_call_error_type(call, SEAWALL_STR("io")), SEAWALL_OK);
  CHECK_IS(seawall_call_done(call, 3, SEAWALL_OUTCOME_FAILURE, SEAWALL_NO_HINT, &step), SEAWALL_OK);
  CHECK(step.kind == SEAWALL_STEP_FINISH && step.verdict == SEAWALL_VERDICT_SETTLE);
  CHECK(step.stop == SEAWALL_STOP_ATTEMPTS && step.attempt == 3);
  CHECK_IS(step.elapsed, 2100 * MILLISECONDS);
  seawall_call_free(call);

  /* "Never" stops at once. */
  call = begin(policy, NULL, &step);
  CHECK_IS(seawall_call_done(call, 1, SEAWALL_OUTCOME_THROTTLED, -1, &step), SEAWALL_OK);
  CHECK(step.kind == SEAWALL_STEP_FINISH && step.stop == SEAWALL_STOP_SERVER);
  seawall_call_free(call);

  /* A call that is given up, and one that is dropped while it runs. */
  call = begin(policy, NULL, &step);
  CHECK_IS(seawall_call_cancelled(call, 0, &step), SEAWALL_OK);
  CHECK(step.kind == SEAWALL_STEP_FINISH && step.verdict == SEAWALL_VERDICT_CANCELLED);
  seawall_call_free(call);
  call = begin(policy, NULL, &step);
  seawall_call_free(call);
  seawall_policy_free(policy);
}

static void limits(seawall_registry *registry) {
  seawall_policy *policy = new_policy(registry, "{\"timeout\":{\"attempt\":\"1s\",\"deadline\":\"3s\",\"slow_after\":\"500ms\"}}");
  seawall_step step;
  seawall_call *call = begin(policy, NULL, &step);
  CHECK(step.kind == SEAWALL_STEP_RUN && step.span == SECONDS);
  CHECK_IS(seawall_registry_advance(registry, SECONDS / 4), SEAWALL_OK);
  uint64_t left = 0;
  CHECK_IS(seawall_call_remaining(call, &left), SEAWALL_OK);
  CHECK_IS(left, SECONDS * 3 / 4);
  CHECK_IS(seawall_registry_advance(registry, SECONDS * 3 / 4), SEAWALL_OK);
  CHECK_IS(seawall_call_expire(call, 1, &step), SEAWALL_OK);
  CHECK(step.kind == SEAWALL_STEP_FINISH && step.verdict == SEAWALL_VERDICT_TIMED_OUT);
  CHECK(step.refusal == SEAWALL_ATTEMPT_TIMEOUT && step.limit == SECONDS);
  seawall_text json = {NULL, 0};
  CHECK_IS(seawall_call_refusal(call, &json), SEAWALL_OK);
  CHECK(text_has(&json, "\"attempt_timeout\"") && text_has(&json, "\"message\""));
  seawall_text_free(&json);
  seawall_call_free(call);

  seawall_call_options options = {.size = sizeof options, .deadline = SECONDS / 10};
  call = begin(policy, &options, &step);
  CHECK_IS(step.span, SECONDS / 10);
  CHECK_IS(seawall_registry_advance(registry, SECONDS / 20), SEAWALL_OK);
  CHECK_IS(seawall_call_done(call, 1, SEAWALL_OUTCOME_SUCCESS, SEAWALL_NO_HINT, &step), SEAWALL_OK);
  CHECK(step.verdict == SEAWALL_VERDICT_SETTLE && step.slow == SEAWALL_NONE);
  seawall_call_free(call);

  call = begin(policy, NULL, &step);
  CHECK_IS(seawall_call_commit(call), SEAWALL_OK);
  CHECK_IS(seawall_registry_advance(registry, 2 * SECONDS), SEAWALL_OK);
  CHECK_IS(seawall_call_done(call, 1, SEAWALL_OUTCOME_SUCCESS, SEAWALL_NO_HINT, &step), SEAWALL_OK);
  CHECK(step.verdict == SEAWALL_VERDICT_SETTLE && step.slow == 2 * SECONDS);
  seawall_call_free(call);
  /* Nothing could stop it: late as it is, its value counts. */
  call = begin(policy, NULL, &step);
  CHECK_IS(seawall_call_unenforced(call), SEAWALL_OK);
  CHECK_IS(seawall_registry_advance(registry, 2 * SECONDS), SEAWALL_OK);
  CHECK_IS(seawall_call_done(call, 1, SEAWALL_OUTCOME_SUCCESS, SEAWALL_NO_HINT, &step), SEAWALL_OK);
  CHECK(step.kind == SEAWALL_STEP_FINISH && step.verdict == SEAWALL_VERDICT_SETTLE);
  seawall_call_free(call);
  options.size = 8;
  call = NULL;
  CHECK_IS(seawall_call_new(policy, &options, &call), SEAWALL_INVALID_SIZE);
  seawall_policy_free(policy);
}

/* Of work that cannot be repeated there is no further attempt, but the fallback answers. */
static void last_attempts(seawall_registry *registry) {
  seawall_policy *policy = new_policy(
      registry, "{\"retry\":{\"attempts\":3},\"fallback\":{\"chain\":[\"value\"],\"value\":1}}");
  seawall_step step;
  seawall_call *call = begin(policy, NULL, &step);
  CHECK_IS(seawall_call_done(call, 1, SEAWALL_OUTCOME_FAILURE, SEAWALL_NO_HINT, &step), SEAWALL_OK);
  CHECK_IS(step.kind, SEAWALL_STEP_WAIT);
  seawall_call_free(call);
  call = begin(policy, NULL, &step);
  CHECK_IS(seawall_call_last_attempt(call), SEAWALL_OK);
  CHECK_IS(seawall_call_done(call, 1, SEAWALL_OUTCOME_FAILURE, SEAWALL_NO_HINT, &step), SEAWALL_OK);
  CHECK_IS(step.kind, SEAWALL_STEP_FALL_BACK);
  seawall_call_free(call);
  seawall_policy_free(policy);
}

static void queues(seawall_registry *registry) {
  seawall_policy *policy = new_policy(registry, "{\"bulkhead\":{\"limit\":1,\"queue\":1,\"max_wait\":\"5s\"}}");
  seawall_step first, second, third;
  seawall_call *a = begin(policy, NULL, &first);
  seawall_call *b = begin(policy, NULL, &second);
  seawall_call *c = begin(policy, NULL, &third);
  CHECK_IS(first.kind, SEAWALL_STEP_RUN);
  CHECK(second.kind == SEAWALL_STEP_QUEUE && second.span == 5 * SECONDS && second.ticket != 0);
  CHECK(third.kind == SEAWALL_STEP_FINISH && third.verdict == SEAWALL_VERDICT_REFUSED);
  CHECK(third.refusal == SEAWALL_BULKHEAD_FULL && third.limit == 1);
  CHECK_IS(seawall_call_done(a, 1, SEAWALL_OUTCOME_SUCCESS, SEAWALL_NO_HINT, &first), SEAWALL_OK);
  CHECK_IS(first.wakes, 1);
  uint64_t tickets[4] = {0};
  size_t count = 9;
  CHECK_IS(seawall_call_take_wakes(a, tickets, 0, &count), SEAWALL_OK);
  CHECK_IS(count, 0);
  CHECK_IS(seawall_call_take_wakes(a, tickets, 4, &count), SEAWALL_OK);
  CHECK(count == 1 && tickets[0] == second.ticket);
  CHECK_IS(seawall_call_woke(b, &second), SEAWALL_OK);
  CHECK(second.kind == SEAWALL_STEP_RUN && second.attempt == 1);
  seawall_call_free(a);
  seawall_call_free(b);
  seawall_call_free(c);
  seawall_policy_free(policy);
}

static void fallbacks(seawall_registry *registry) {
  seawall_policy *policy = new_policy(
      registry, "{\"breaker\":{},\"fallback\":{\"chain\":[\"cached\",\"function\",\"value\"],\"value\":true},\"cache\":{\"ttl\":\"1m\"}}");
  seawall_call_options options = {.size = sizeof options, .cached = 1, .deadline = SEAWALL_NONE};
  seawall_step step;
  seawall_call *call = begin(policy, &options, &step);
  CHECK_IS(seawall_call_done(call, 1, SEAWALL_OUTCOME_SUCCESS, SEAWALL_NO_HINT, &step), SEAWALL_OK);
  CHECK_IS(step.cache, SEAWALL_CACHE_STORE);
  seawall_call_free(call);

  CHECK_IS(seawall_breaker_control(policy, SEAWALL_CONTROL_OPEN_FOR, 7 * SECONDS), SEAWALL_OK);
  call = begin(policy, &options, &step);
  CHECK(step.kind == SEAWALL_STEP_LOOK_UP && step.stale == 0);
  CHECK(step.refusal == SEAWALL_CIRCUIT_OPEN && step.state == SEAWALL_STATE_OPEN);
  CHECK_IS(step.retry_after, 7 * SECONDS);
  CHECK_IS(seawall_call_looked_up(call, 0, &step), SEAWALL_OK);
  CHECK(step.kind == SEAWALL_STEP_FALL_BACK && step.fallback == SEAWALL_FALLBACK_FUNCTION);
  CHECK(step.index == 1 && step.span == SECONDS);
  CHECK_IS(seawall_call_fell_back(call, 0, &step), SEAWALL_OK);
  CHECK(step.kind == SEAWALL_STEP_FALL_BACK && step.fallback == SEAWALL_FALLBACK_VALUE && step.index == 2);
  CHECK_IS(seawall_call_fell_back(call, 1, &step), SEAWALL_OK);
  CHECK(step.kind == SEAWALL_STEP_FINISH && step.verdict == SEAWALL_VERDICT_FELL_BACK && step.index == 2);
  seawall_call_free(call);

  call = begin(policy, &options, &step);
  CHECK_IS(seawall_call_looked_up(call, 1, &step), SEAWALL_OK);
  CHECK(step.kind == SEAWALL_STEP_FINISH && step.verdict == SEAWALL_VERDICT_CACHED && step.stale == 0);
  seawall_call_free(call);
  seawall_policy_free(policy);
}

static void switched_off(seawall_registry *registry) {
  seawall_policy *policy = new_policy(registry, "{\"breaker\":{}}");
  CHECK_IS(seawall_breaker_control(policy, SEAWALL_CONTROL_FORCE_OPEN, 0), SEAWALL_OK);
  CHECK_IS(seawall_registry_set_enabled(registry, 0), SEAWALL_OK);
  seawall_step step;
  seawall_call *call = begin(policy, NULL, &step);
  CHECK(step.kind == SEAWALL_STEP_RUN && step.span == SEAWALL_NONE);
  CHECK_IS(seawall_call_done(call, 1, SEAWALL_OUTCOME_FAILURE, SEAWALL_NO_HINT, &step), SEAWALL_OK);
  CHECK(step.kind == SEAWALL_STEP_FINISH && step.verdict == SEAWALL_VERDICT_SETTLE);
  seawall_call_free(call);
  CHECK_IS(seawall_registry_set_enabled(registry, 1), SEAWALL_OK);
  seawall_policy_free(policy);
}

int main(void) {
  seawall_registry *registry = new_registry();
  retries(registry);
  limits(registry);
  last_attempts(registry);
  queues(registry);
  fallbacks(registry);
  switched_off(registry);
  seawall_registry_free(registry);
  return done("call");
}
