/* A driver for calls that wait for nothing: what every measuring program in C does. */
#include <seawall.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void fail(const char *what) {
  fprintf(stderr, "%s\n", what);
  exit(1);
}

/* For what is neither let in nor refused at once. */
static void stepped(const seawall_policy *policy, uint8_t outcome) {
  seawall_call *call = NULL;
  seawall_step step = {.size = sizeof step};
  if (seawall_call_new(policy, NULL, &call) != SEAWALL_OK) fail("no call");
  seawall_call_start(call, &step);
  if (step.kind == SEAWALL_STEP_RUN) seawall_call_done(call, step.attempt, outcome, SEAWALL_NO_HINT, &step);
  if (step.kind != SEAWALL_STEP_FINISH) fail("not finished");
  seawall_call_free(call);
}

static inline void call(const seawall_policy *policy, uint8_t outcome) {
  seawall_admission admission = {.size = sizeof admission};
  admission.pass = seawall_policy_pass(policy, &admission.started);
  if (admission.pass != SEAWALL_ASK && outcome == SEAWALL_OUTCOME_SUCCESS) {
    seawall_policy_succeed(policy, admission.pass, admission.started);
    return;
  }
  if (admission.pass == SEAWALL_ASK) {
    seawall_refusal why = {.size = sizeof why};
    seawall_status status = seawall_policy_admit(policy, &admission, &why);
    if (status == SEAWALL_CIRCUIT_OPEN) return;
    if (status != SEAWALL_OK) fail("not asked");
    if (admission.pass == SEAWALL_ASK) {
      stepped(policy, outcome);
      return;
    }
  }
  if (outcome == SEAWALL_OUTCOME_SUCCESS) {
    size_t woken;
    if (seawall_policy_dismiss(policy, &admission, NULL, 0, &woken) != SEAWALL_OK) fail("not dismissed");
  } else {
    seawall_step step = {.size = sizeof step};
    seawall_call *more = NULL;
    const seawall_str none = {NULL, 0};
    if (seawall_policy_fail(policy, &admission, outcome, SEAWALL_NO_HINT, none, NULL, &step, &more) != SEAWALL_OK) fail("not told");
    if (step.kind != SEAWALL_STEP_FINISH) fail("not finished");
    if (more != NULL) seawall_call_free(more);
  }
}
