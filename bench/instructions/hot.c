/* hot CASE CALLS: what `src/main.rs` does, through the C interface. */
#include "../c/call.h"

#define BREAKER "\"breaker\":{\"window\":{\"kind\":\"count\",\"size\":100},\"failure_rate\":0.5,\"minimum_calls\":20,\"open_for\":\"1h\"}"

static const struct {
  const char *name, *settings;
} CASES[] = {
    {"closed", "{" BREAKER "}"},
    {"closed, settings changed", "{" BREAKER "}"},
    {"closed, time window",
     "{\"breaker\":{\"window\":{\"kind\":\"time\",\"span\":\"1h\"},\"failure_rate\":0.5,\"minimum_calls\":20}}"},
    {"open", "{" BREAKER "}"},
    {"failing",
     "{\"breaker\":{\"window\":{\"kind\":\"count\",\"size\":100},\"failure_rate\":1.0,\"minimum_calls\":100}}"},
    {"retry", "{\"retry\":3}"},
    {"bulkhead", "{\"bulkhead\":64}"},
    {"retry + breaker + bulkhead", "{\"retry\":3,\"bulkhead\":64," BREAKER "}"},
};

/* One in 64 succeeds even where calls fail, so that the breaker stays closed. */
static void run(const seawall_policy *policy, uint8_t outcome, long calls) {
  for (long i = 0; i < calls; i++) call(policy, i % 64 == 0 ? SEAWALL_OUTCOME_SUCCESS : outcome);
}

__attribute__((noinline, noclone)) void measured(const seawall_policy *policy, uint8_t outcome, long calls) {
  run(policy, outcome, calls);
}

int main(int count, char **words) {
  if (count != 3) fail("a case and a number of calls");
  long calls = atol(words[2]);
  for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
    if (strcmp(CASES[i].name, words[1]) != 0) continue;
    const char *settings = CASES[i].settings;
    int open = strcmp(words[1], "open") == 0;
    uint8_t outcome = strcmp(words[1], "failing") == 0 ? SEAWALL_OUTCOME_FAILURE : SEAWALL_OUTCOME_SUCCESS;
    uint8_t state = SEAWALL_STATE_CLOSED;
    seawall_registry *registry = NULL;
    seawall_policy *policy = NULL;
    seawall_text why = {NULL, 0};
    seawall_registry_global(&registry);
    if (seawall_policy_new(registry, (seawall_str){settings, strlen(settings)}, &policy, &why) != SEAWALL_OK) fail(why.ptr);
    if (open) seawall_breaker_control(policy, SEAWALL_CONTROL_OPEN, 0);
    /* As by reloads: the handle has worked with other settings. */
    for (int change = 0; strcmp(words[1], "closed, settings changed") == 0 && change < 20; change++) {
      seawall_registry_set_enabled(registry, change % 2);
      run(policy, outcome, 1);
    }
    /* A time window trusts its writers from some thousands of calls on. */
    run(policy, outcome, 10 * calls);
    measured(policy, outcome, calls);
    /* Still what its name says; a policy without a breaker leaves `state` as it is. */
    if (seawall_breaker_state(policy, &state) == SEAWALL_OK && (state != SEAWALL_STATE_CLOSED) != open) fail("another state");
    seawall_policy_free(policy);
    seawall_registry_free(registry);
    return 0;
  }
  fail("no such case");
}
