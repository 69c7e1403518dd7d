/* One of some processes that call at the same time; xtask/src/bench/together.rs tells what it is asked. */
#define _POSIX_C_SOURCE 200809L
#include "call.h"

#include <time.h>

/* Calls between two looks at the clock. */
#define BATCH 1000
#define BREAKER "\"breaker\":{\"window\":{\"kind\":\"count\",\"size\":100},"

static const struct {
  const char *name, *settings;
  uint8_t outcome;
} CASES[] = {
    {"closed", BREAKER "\"failure_rate\":0.5,\"minimum_calls\":20}", SEAWALL_OUTCOME_SUCCESS},
    {"failing", BREAKER "\"failure_rate\":1.0,\"minimum_calls\":100}", SEAWALL_OUTCOME_FAILURE},
    {"open", BREAKER "\"failure_rate\":0.5,\"minimum_calls\":20,\"open_for\":\"1h\"}", SEAWALL_OUTCOME_SUCCESS},
    {"bulkhead", "\"bulkhead\":64", SEAWALL_OUTCOME_SUCCESS},
};
#define COUNT (sizeof CASES / sizeof *CASES)

static int64_t clock_of(clockid_t id) {
  struct timespec now;
  clock_gettime(id, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static seawall_policy *made(size_t index, const char *scope, int processes) {
  char text[400];
  seawall_registry *registry = NULL;
  seawall_policy *policy = NULL;
  seawall_text why = {NULL, 0};
  int size = snprintf(text, sizeof text, "{\"name\":\"%s-%s-%d\",\"scope\":\"%s\",%s}", CASES[index].name, scope, processes,
                      scope, CASES[index].settings);
  seawall_registry_global(&registry);
  if (seawall_policy_new(registry, (seawall_str){text, (size_t)size}, &policy, &why) != SEAWALL_OK) fail(why.ptr);
  if (strcmp(CASES[index].name, "open") == 0) seawall_breaker_control(policy, SEAWALL_CONTROL_OPEN, 0);
  return policy;
}

/* The circuit is still what its case says; a policy without a breaker leaves `state` as it is. */
static void check(const seawall_policy *policy, size_t index) {
  uint8_t state = SEAWALL_STATE_CLOSED;
  int open = strcmp(CASES[index].name, "open") == 0;
  if (seawall_breaker_state(policy, &state) == SEAWALL_OK && (state != SEAWALL_STATE_CLOSED) != open) fail("another state");
}

/* Each turn calls from another place of the stack, for bench/rust/src/harness.rs tells why. */
static __attribute__((noinline)) void calls(const seawall_policy *policy, uint8_t outcome, long turn) {
  volatile char room[turn * 27 % 64 * 64 + 1];
  /* Used, or the compiler leaves it away. */
  room[0] = 0, (void)room[0];
  /* One in 16 succeeds: four processes never fill a window with failures. */
  for (int i = 0; i < BATCH; i++) call(policy, i % 16 == 0 ? SEAWALL_OUTCOME_SUCCESS : outcome);
}

int main(void) {
  static seawall_policy *policies[COUNT][2][8];
  char name[20], scope[20];
  int processes;
  long long from, until;
  while (scanf("%19s %19s %d %lld %lld", name, scope, &processes, &from, &until) == 5) {
    size_t index = 0;
    while (index < COUNT && strcmp(CASES[index].name, name) != 0) index++;
    if (index == COUNT || processes < 0 || processes >= 8) fail("not a question");
    seawall_policy **policy = &policies[index][strcmp(scope, "host") == 0][processes];
    if (*policy == NULL) *policy = made(index, scope, processes);
    while (clock_of(CLOCK_MONOTONIC) < from)
      ;
    int64_t start = clock_of(CLOCK_THREAD_CPUTIME_ID);
    long done = 0;
    do {
      calls(*policy, CASES[index].outcome, done / BATCH);
      done += BATCH;
    } while (clock_of(CLOCK_MONOTONIC) < until);
    printf("%lld %ld\n", (long long)(clock_of(CLOCK_THREAD_CPUTIME_ID) - start), done);
    fflush(stdout);
    check(*policy, index);
  }
  return 0;
}
