/* The memory in which calls pass: what stands where, who may add, and when to ask. */
#include "check.h"

#include <pthread.h>
#include <stdatomic.h>

static seawall_overlay overlay_of(const seawall_policy *policy) {
  seawall_overlay overlay = {.size = sizeof overlay, .lines = 77};
  CHECK_IS(seawall_policy_overlay(policy, &overlay), SEAWALL_OK);
  return overlay;
}

static uint32_t gate(const seawall_overlay *overlay) {
  return __atomic_load_n(overlay->gate, __ATOMIC_ACQUIRE);
}

static uint64_t *word(const seawall_overlay *overlay, uint32_t line, uint32_t offset) {
  return (uint64_t *)((char *)overlay->tallies + (size_t)line * SEAWALL_LINE_SIZE + offset);
}

/* One call that succeeds, as a driver makes it; 0 if it has to ask. */
static int pass(const seawall_policy *policy, const seawall_overlay *overlay, uint32_t line) {
  uint32_t seen = gate(overlay);
  if (!(seen & 1)) return 0;
  uint64_t *tally = word(overlay, line, SEAWALL_LINE_TALLY), *limit = word(overlay, line, SEAWALL_LINE_LIMIT);
  if (gate(overlay) == seen && __atomic_load_n(tally, __ATOMIC_RELAXED) < __atomic_load_n(limit, __ATOMIC_RELAXED)) {
    __atomic_fetch_add(tally, 1, __ATOMIC_RELEASE);
    return 1;
  }
  CHECK_IS(seawall_policy_report(policy, SEAWALL_PASSED | seen, line), SEAWALL_OK);
  return 2;
}

static void fail(const seawall_policy *policy, uint64_t under) {
  seawall_call *call = NULL;
  seawall_step step = new_step();
  CHECK_IS(seawall_call_after_pass(policy, under, 0, NULL, &call), SEAWALL_OK);
  CHECK_IS(seawall_call_done(call, 1, SEAWALL_OUTCOME_FAILURE, SEAWALL_NO_HINT, &step), SEAWALL_OK);
  seawall_call_free(call);
}

static void the_gate_closes(void) {
  seawall_registry *registry = new_registry();
  seawall_policy *policy = new_policy(registry, "{\"breaker\":{\"window\":{\"kind\":\"consecutive\",\"failures\":2}}}");
  seawall_overlay overlay = overlay_of(policy);
  for (uint32_t writer = 0; writer < SEAWALL_LENT_LINES; writer++) CHECK(overlay.lent[writer] == NULL);
  CHECK_IS(seawall_lend_lines(1), 0); /* this thread has a line by now */
  CHECK(overlay.lines >= 1 && overlay.gate != NULL && (uintptr_t)overlay.tallies % SEAWALL_LINE_SIZE == 0);
  for (uint32_t line = 0; line < overlay.lines; line++) CHECK_IS(pass(policy, &overlay, line), 1);
  CHECK(shows(policy, "\"success\":4"));

  /* A success that comes when the gate has changed is reported under the gate it began with. */
  uint32_t seen = gate(&overlay);
  fail(policy, SEAWALL_PASSED | seen);
  CHECK(!(gate(&overlay) & 1));
  CHECK_IS(pass(policy, &overlay, 0), 0);
  CHECK_IS(seawall_policy_report(policy, SEAWALL_PASSED | seen, 1), SEAWALL_OK);
  CHECK_IS(gate(&overlay), seen);
  CHECK(shows(policy, "\"success\":5"));
  fail(policy, SEAWALL_PASSED | seen);
  fail(policy, SEAWALL_PASSED | seen);
  CHECK(shows(policy, "\"state\":\"open\""));
  CHECK_IS(seawall_policy_report(policy, SEAWALL_PASSED | seen, 0), SEAWALL_OK);
  CHECK(shows(policy, "\"stale\":1"));
  CHECK_IS(seawall_policy_report(policy, seen, 0), SEAWALL_STALE_HANDLE); /* a gate alone is no pass */
  seawall_policy_free(policy);
  seawall_registry_free(registry);
}

static void who_has_to_ask_gets_none(void) {
  seawall_registry *registry = new_registry();
  const char *all[] = {"{\"bulkhead\":{}}", "{\"breaker\":{},\"bulkhead\":{}}", "{\"breaker\":{},\"timeout\":{\"attempt\":\"1s\"}}", "{\"breaker\":{},\"enabled\":false}"};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    seawall_policy *policy = new_policy(registry, all[i]);
    seawall_overlay overlay = overlay_of(policy);
    CHECK(overlay.lines == 0 && overlay.gate == NULL && overlay.tallies == NULL);
    seawall_policy_free(policy);
  }
  /* Where nobody counts successes there are no lines, and a gate that is always open. */
  seawall_policy *retry = new_policy(registry, "{\"retry\":{}}");
  seawall_overlay open = overlay_of(retry);
  CHECK(open.lines == 0 && open.tallies == NULL && open.gate != NULL && *open.gate == 1);
  fail(retry, SEAWALL_PASSED | *open.gate);
  CHECK_IS(seawall_policy_report(retry, SEAWALL_PASSED | *open.gate, 0), SEAWALL_OK);
  seawall_policy_free(retry);
  seawall_policy *policy = new_policy(registry, "{\"breaker\":{},\"retry\":{}}");
  CHECK(overlay_of(policy).lines > 0);
  CHECK_IS(seawall_registry_set_enabled(registry, 0), SEAWALL_OK);
  CHECK(overlay_of(policy).lines == 0);
  seawall_overlay small = {.size = 8};
  CHECK_IS(seawall_policy_overlay(policy, &small), SEAWALL_INVALID_SIZE);
  seawall_policy_free(policy);
  seawall_registry_free(registry);
}

/* In a time window a line passes on credit, which a busy one gets by reporting. */
static void credit_comes_back_to_the_line(void) {
  seawall_registry *registry = new_registry();
  seawall_policy *policy = new_policy(
      registry, "{\"breaker\":{\"window\":{\"kind\":\"time\",\"span\":\"60s\"},\"failure_rate\":0.5,\"minimum_calls\":1}}");
  seawall_overlay overlay = overlay_of(policy);
  seawall_call_options options = {.size = sizeof options, .line = 2, .deadline = SEAWALL_NONE};
  seawall_call *call = NULL;
  seawall_step step = new_step();
  CHECK_IS(seawall_call_new(policy, &options, &call), SEAWALL_OK);
  CHECK_IS(seawall_call_start(call, &step), SEAWALL_OK);
  CHECK_IS(seawall_call_done(call, 1, SEAWALL_OUTCOME_SUCCESS, SEAWALL_NO_HINT, &step), SEAWALL_OK);
  seawall_call_free(call);
  int told = 0, tallied = 0;
  for (int i = 0; i < 5000; i++) {
    int how = pass(policy, &overlay, 1);
    told += how == 2;
    tallied += how == 1;
  }
  CHECK_IS(told + tallied, 5000);
  CHECK(told >= 4000 && tallied > 500); /* one report in 65 once the line is busy */
  CHECK(*word(&overlay, 1, SEAWALL_LINE_LIMIT) > 0);
  CHECK_IS(*word(&overlay, 0, SEAWALL_LINE_LIMIT), 0);
  CHECK(shows(policy, "\"success\":5001"));
  seawall_policy_free(policy);
  seawall_registry_free(registry);
}

static void a_reload_leaves_the_old_memory_asking(void) {
  seawall_registry *registry = new_registry();
  seawall_str source = SEAWALL_STR("seawall.toml");
  CHECK_IS(seawall_registry_load(registry, str("[policy.a.breaker]\nwindow = { kind = \"count\", size = 100 }\nminimum_calls = 1\n"), source, NULL),
           SEAWALL_OK);
  seawall_policy *policy = NULL;
  CHECK_IS(seawall_policy_named(registry, str("a"), &policy, NULL), SEAWALL_OK);
  seawall_call *call = NULL;
  seawall_step step = new_step();
  CHECK_IS(seawall_call_new(policy, NULL, &call), SEAWALL_OK);
  seawall_call_start(call, &step);
  seawall_call_done(call, 1, SEAWALL_OUTCOME_SUCCESS, SEAWALL_NO_HINT, &step);
  seawall_call_free(call);
  seawall_overlay before = overlay_of(policy);
  CHECK_IS(pass(policy, &before, 0), 1);
  CHECK_IS(seawall_registry_load(registry, str("[policy.a.breaker]\nwindow = { kind = \"count\", size = 200 }\nminimum_calls = 1\n"), source, NULL),
           SEAWALL_OK);
  CHECK_IS(pass(policy, &before, 0), 0);
  seawall_overlay after = overlay_of(policy);
  CHECK(after.gate != before.gate && after.lines > 0);
  seawall_policy_free(policy);
  seawall_registry_free(registry);
}

/* Where times matter the driver reads the clock, and is told what is slow. */
static void who_is_timed_says_when_he_began(void) {
  seawall_registry *registry = new_registry();
  seawall_policy *policy = new_policy(registry,
                                      "{\"breaker\":{\"window\":{\"kind\":\"count\",\"size\":4},\"minimum_calls\":2,"
                                      "\"slow_call\":{\"longer_than\":\"1s\",\"rate\":0.5}}}");
  seawall_overlay old = {.size = 24};
  CHECK_IS(seawall_policy_overlay(policy, &old), SEAWALL_OK);
  CHECK(old.gate == NULL); /* who does not know of times makes calls */
  seawall_overlay overlay = overlay_of(policy);
  CHECK(overlay.gate != NULL && overlay.timed == 1 && overlay.slow_after == SECONDS);
  seawall_policy *limited = new_policy(registry, "{\"breaker\":{},\"retry\":{\"max_elapsed\":\"1s\"}}");
  CHECK(overlay_of(limited).timed == 1 && overlay_of(limited).slow_after == SEAWALL_NONE);
  seawall_policy_free(limited);
  size_t count = 9;
  for (int i = 0; i < 2; i++) { /* past the minimum of calls the gate opens */
    seawall_admission in = {.size = sizeof in};
    CHECK_IS(seawall_policy_admit(policy, &in, NULL), SEAWALL_OK);
    CHECK_IS(seawall_policy_dismiss(policy, &in, NULL, 0, &count), SEAWALL_OK);
  }
  CHECK(gate(&overlay) & 1);
  CHECK_IS(pass(policy, &overlay, 0), 1);
  for (int i = 0; i < 2; i++) {
    uint64_t now = 0;
    CHECK_IS(seawall_registry_now(registry, &now), SEAWALL_OK);
    seawall_admission in = {.size = sizeof in, .pass = SEAWALL_PASSED | gate(&overlay), .started = now + 1};
    CHECK_IS(seawall_registry_advance(registry, 2 * SECONDS), SEAWALL_OK);
    CHECK_IS(seawall_policy_dismiss(policy, &in, NULL, 0, &count), SEAWALL_OK);
  }
  CHECK(shows(policy, "\"state\":\"open\"") && shows(policy, "\"slow\":2"));
  seawall_policy_free(policy);
  seawall_registry_free(registry);
}

enum { THREADS = 4, ROUNDS = 20000 };

struct shared {
  const seawall_policy *policy;
  seawall_overlay overlay;
};

static void *worker(void *argument) {
  struct shared *shared = argument;
  for (uint32_t round = 0; round < ROUNDS; round++)
    if (!pass(shared->policy, &shared->overlay, round % shared->overlay.lines)) abort();
  return NULL;
}

static void no_success_is_lost_between_threads(void) {
  seawall_registry *registry = new_registry();
  seawall_policy *policy = new_policy(registry, "{\"breaker\":{}}");
  struct shared shared = {policy, overlay_of(policy)};
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) CHECK_IS(pthread_create(&threads[i], NULL, worker, &shared), 0);
  for (int i = 0; i < THREADS; i++) CHECK_IS(pthread_join(threads[i], NULL), 0);
  CHECK(shows(policy, "\"success\":80000"));
  seawall_policy_free(policy);
  seawall_registry_free(registry);
}

int main(void) {
  the_gate_closes();
  who_has_to_ask_gets_none();
  credit_comes_back_to_the_line();
  a_reload_leaves_the_old_memory_asking();
  who_is_timed_says_when_he_began();
  no_success_is_lost_between_threads();
  return done("overlay");
}
