/* A driver for calls that wait for nothing: what every measuring program in C does. */
#include <seawall.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void fail(const char *what) {
  fprintf(stderr, "%s\n", what);
  exit(1);
}

static inline void call(const seawall_policy *policy, uint8_t outcome) {
  seawall_call *call = NULL;
  seawall_step step = {.size = sizeof step};
  uint64_t started, pass = seawall_policy_pass(policy, &started);
  if (pass != SEAWALL_ASK) {
    if (outcome == SEAWALL_OUTCOME_SUCCESS) {
      seawall_policy_succeed(policy, pass, started);
      return;
    }
    seawall_call_after_pass(policy, pass, started, NULL, &call);
    seawall_call_done(call, 1, outcome, SEAWALL_NO_HINT, &step);
  } else {
    if (seawall_call_new(policy, NULL, &call) != SEAWALL_OK) fail("no call");
    seawall_call_start(call, &step);
    if (step.kind == SEAWALL_STEP_RUN) seawall_call_done(call, step.attempt, outcome, SEAWALL_NO_HINT, &step);
  }
  if (step.kind != SEAWALL_STEP_FINISH) fail("not finished");
  seawall_call_free(call);
}
