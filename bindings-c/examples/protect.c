/* One call to a flaky dependency through a policy: a breaker, three attempts, a fallback.
 *
 * The loop of `protect` is all there is to a driver: it does what the step says, reports, and goes on. What
 * comes before it is for speed: most calls are let in at once, succeed, and take no step at all.
 */
#include <seawall.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

static int calls;

/* The dependency: fails twice, then answers. */
static int look_up_user(char *name, size_t size) {
  if (++calls < 3) return -1;
  snprintf(name, size, "ada");
  return 0;
}

static void sleep_for(uint64_t nanos) {
  struct timespec span = {(time_t)(nanos / 1000000000u), (long)(nanos % 1000000000u)};
  nanosleep(&span, NULL);
}

static int protect(const seawall_policy *policy, char *name, size_t size) {
  seawall_admission admission = {.size = sizeof admission};
  seawall_call *call = NULL;
  seawall_step step = {.size = sizeof step};
  int result = -1;
  if (seawall_policy_admit(policy, &admission, NULL) != SEAWALL_OK) return -1;
  if (admission.pass != SEAWALL_ASK) {
    size_t woken; /* nobody waits for a permit: there is no bulkhead */
    result = look_up_user(name, size);
    printf("attempt 1: %s\n", result == 0 ? "ok" : "failed");
    if (result == 0) {
      seawall_policy_dismiss(policy, &admission, NULL, 0, &woken);
      return 0;
    }
    seawall_policy_fail(policy, &admission, SEAWALL_OUTCOME_FAILURE, SEAWALL_NO_HINT, SEAWALL_STR("timeout"), NULL, &step, &call);
    if (call == NULL) return result; /* it may not be repeated */
  } else {
    if (seawall_call_new(policy, NULL, &call) != SEAWALL_OK) return -1;
    seawall_call_start(call, &step);
  }
  while (step.kind != SEAWALL_STEP_FINISH) {
    switch (step.kind) {
      case SEAWALL_STEP_RUN:
        result = look_up_user(name, size);
        printf("attempt %u: %s\n", step.attempt, result == 0 ? "ok" : "failed");
        seawall_call_done(call, step.attempt, result == 0 ? SEAWALL_OUTCOME_SUCCESS : SEAWALL_OUTCOME_FAILURE,
                          SEAWALL_NO_HINT, &step);
        break;
      case SEAWALL_STEP_WAIT:
        sleep_for(step.span);
        seawall_call_woke(call, &step);
        break;
      case SEAWALL_STEP_FALL_BACK:
        snprintf(name, size, "somebody");
        seawall_call_fell_back(call, 1, &step);
        break;
      default: /* no cache and no queue in this policy */
        seawall_call_cancelled(call, 0, &step);
    }
  }
  if (step.verdict == SEAWALL_VERDICT_FELL_BACK) result = 0;
  seawall_call_free(call);
  return result;
}

int main(void) {
  if (seawall_abi_version() >> 16 != SEAWALL_ABI_VERSION >> 16) return 2;
  seawall_registry *registry = NULL;
  seawall_policy *policy = NULL;
  seawall_text why = {NULL, 0};
  seawall_registry_global(&registry);
  const char *settings =
      "{\"name\":\"identity\",\"breaker\":{\"open_for\":\"5s\"},"
      "\"retry\":{\"attempts\":3,\"backoff\":{\"kind\":\"exponential\",\"base\":\"10ms\"}},"
      "\"fallback\":{\"chain\":[\"function\"]}}";
  if (seawall_policy_new(registry, (seawall_str){settings, strlen(settings)}, &policy, &why) != SEAWALL_OK) {
    fprintf(stderr, "%s\n", why.ptr);
    seawall_text_free(&why);
    return 1;
  }
  char name[32];
  if (protect(policy, name, sizeof name) == 0) printf("the user is %s\n", name);

  /* While the circuit is open nothing is called. */
  seawall_breaker_control(policy, SEAWALL_CONTROL_FORCE_OPEN, 0);
  if (protect(policy, name, sizeof name) == 0) printf("the circuit is open; the user is %s\n", name);
  seawall_policy_free(policy);
  seawall_registry_free(registry);
  return 0;
}
