/* Failures entered in the log of a count window by who passes it, as the header tells, against the same calls
 * reported to the library: after each call both show the same. */
#include "check.h"

typedef struct {
  seawall_overlay overlay;
  seawall_failure_log log;
  seawall_ending_lines counted;
  uint32_t judged, spared, opened;
} driver;

static uint64_t load(const uint64_t *word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }

/* What the header says of `seawall_failure_log`. */
static void enter(driver *by, const seawall_policy *policy, uint32_t gate) {
  seawall_failure_log *log = &by->log;
  uint64_t sum = 0, used = load(log->used);
  for (uint32_t line = 0; line < log->lines; line++) {
    if (line < log->own ? line < (uint32_t)used : used >> 32 != 0) sum += load(log->tallies + line * (SEAWALL_LINE_SIZE / 8));
  }
  uint64_t index = load(log->failures);
  do {
    uint64_t *entry = log->ring + index % log->length, number = sum + index + 1;
    if (load(entry) < number) __atomic_store_n(entry, number, __ATOMIC_RELEASE);
  } while (!__atomic_compare_exchange_n(log->failures, &index, index + 1, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
  if (load(log->streak) != sum + 1) {
    __atomic_store_n(log->streak + 1, index, __ATOMIC_RELAXED);
    __atomic_store_n(log->streak, sum + 1, __ATOMIC_RELAXED);
  }
  __atomic_fetch_add(by->counted.shared, 1, __ATOMIC_RELAXED);
  uint64_t credit = load(log->credit);
  if ((uint32_t)(credit >> 32) == ((gate >> 1) ^ log->rules) && (uint32_t)credit - (uint32_t)index - 1 < log->most) {
    by->spared++;
  } else {
    by->judged++;
    seawall_policy_judge(policy, gate);
  }
}

static int same(const seawall_policy *one, const seawall_policy *other) {
  seawall_text texts[2];
  CHECK_IS(seawall_policy_snapshot(one, &texts[0]), SEAWALL_OK);
  CHECK_IS(seawall_policy_snapshot(other, &texts[1]), SEAWALL_OK);
  int equal = strcmp(texts[0].ptr, texts[1].ptr) == 0;
  if (!equal) fprintf(stderr, "%s\n%s\n", texts[0].ptr, texts[1].ptr);
  for (int i = 0; i < 2; i++) seawall_text_free(&texts[i]);
  return equal;
}

/* Ends a call under a gate that asks. */
static void ask(const seawall_policy *policy, uint32_t gate, const seawall_ending *failed) {
  if (failed) CHECK_IS(seawall_policy_end(policy, SEAWALL_PASSED | gate, failed), 1);
  else CHECK_IS(seawall_policy_report(policy, SEAWALL_PASSED | gate, 0), SEAWALL_OK);
}

static driver story(seawall_registry *registry, const char *config, uint32_t seed) {
  seawall_policy *mine = new_policy(registry, config), *theirs = new_policy(registry, config);
  seawall_ending *failed = NULL, *counted = NULL;
  CHECK_IS(seawall_ending_new(theirs, SEAWALL_OUTCOME_FAILURE, SEAWALL_STR("io"), &failed), SEAWALL_OK);
  CHECK_IS(seawall_ending_new(mine, SEAWALL_OUTCOME_FAILURE, SEAWALL_STR("io"), &counted), SEAWALL_OK);
  driver by = {.overlay = {.size = sizeof by.overlay}, .log = {.size = sizeof by.log}, .counted = {.size = sizeof by.counted}};
  CHECK_IS(seawall_policy_overlay(mine, &by.overlay), SEAWALL_OK);
  CHECK_IS(seawall_policy_failure_log(mine, &by.log), SEAWALL_OK);
  CHECK_IS(seawall_ending_counted(mine, counted, &by.counted), SEAWALL_OK);
  CHECK(by.log.failures != NULL && by.counted.shared != NULL);
  seawall_overlay other = {.size = sizeof other};
  CHECK_IS(seawall_policy_overlay(theirs, &other), SEAWALL_OK);
  for (uint32_t call = 0; call < 4000; call++) {
    seed = seed * 1664525 + 1013904223;
    int fails = (seed >> 24) % 8 < (call / 200) % 8;
    uint32_t gate = __atomic_load_n(by.overlay.gate, __ATOMIC_ACQUIRE);
    CHECK_IS(gate, __atomic_load_n(other.gate, __ATOMIC_ACQUIRE));
    if ((gate & 1) == 0) {
      ask(mine, gate, fails ? counted : NULL);
      ask(theirs, gate, fails ? failed : NULL);
    } else if (fails) {
      enter(&by, mine, gate);
      CHECK_IS(seawall_policy_end(theirs, SEAWALL_PASSED | gate, failed), 1);
    } else {
      __atomic_fetch_add(by.overlay.tallies + call % by.overlay.lines * (SEAWALL_LINE_SIZE / 8), 1, __ATOMIC_RELEASE);
      CHECK_IS(seawall_policy_report(theirs, SEAWALL_PASSED | gate, 0), SEAWALL_OK);
    }
    CHECK(same(mine, theirs));
    seawall_text shown = {NULL, 0};
    CHECK_IS(seawall_policy_snapshot(mine, &shown), SEAWALL_OK);
    if (text_has(&shown, "\"state\":\"open\"")) {
      by.opened++;
      CHECK_IS(seawall_breaker_control(mine, SEAWALL_CONTROL_RESET, 0), SEAWALL_OK);
      CHECK_IS(seawall_breaker_control(theirs, SEAWALL_CONTROL_RESET, 0), SEAWALL_OK);
    }
    seawall_text_free(&shown);
  }
  seawall_ending_free(counted);
  seawall_ending_free(failed);
  seawall_policy_free(theirs);
  seawall_policy_free(mine);
  return by;
}

int main(void) {
  seawall_registry *registry = new_registry();
  static const char *const configs[] = {
      "{\"breaker\":{\"window\":{\"kind\":\"count\",\"size\":100},\"failure_rate\":0.5,\"minimum_calls\":20}}",
      "{\"breaker\":{\"window\":{\"kind\":\"count\",\"size\":10},\"failure_rate\":0.8,\"minimum_calls\":10}}",
      "{\"breaker\":{\"window\":{\"kind\":\"count\",\"size\":300},\"failure_count\":90}}",
  };
  seawall_policy *before = new_policy(registry, configs[0]);
  seawall_failure_log none = {.size = sizeof none};
  CHECK_IS(seawall_policy_failure_log(before, &none), SEAWALL_OK);
  CHECK(none.failures == NULL);
  seawall_policy_free(before);
  seawall_keep_lines_together();
  uint32_t spared = 0, judged = 0;
  for (int i = 0; i < 3; i++) {
    driver by = story(registry, configs[i], 7 + (uint32_t)i);
    CHECK(by.opened > 3);
    spared += by.spared;
    judged += by.judged;
  }
  CHECK(spared > 1000 && judged > 100);

  /* No log where no failure can be spared. */
  seawall_failure_log log = {.size = sizeof log};
  seawall_policy *streak = new_policy(registry, "{\"breaker\":{\"window\":{\"kind\":\"consecutive\",\"failures\":2}}}");
  CHECK_IS(seawall_policy_failure_log(streak, &log), SEAWALL_OK);
  CHECK(log.failures == NULL && log.size == sizeof log);
  seawall_policy_judge(streak, 3);
  seawall_policy_judge(NULL, 3);
  CHECK(shows(streak, "\"state\":\"closed\""));
  seawall_policy_free(streak);
  seawall_registry_free(registry);
  return done("failing");
}
