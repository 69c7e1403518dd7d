/* Lines that were lent: their writer adds alone, and gets credit for the one it names. */
#include "check.h"

static seawall_overlay overlay_of(const seawall_policy *policy) {
  seawall_overlay overlay = {.size = sizeof overlay};
  CHECK_IS(seawall_policy_overlay(policy, &overlay), SEAWALL_OK);
  return overlay;
}

int main(void) {
  enum { WRITERS = 3 };
  CHECK_IS(seawall_lend_lines(0), 0);
  CHECK_IS(seawall_lend_lines(WRITERS), 1);
  CHECK_IS(seawall_lend_lines(WRITERS), 0); /* once */
  seawall_registry *registry = new_registry();
  seawall_policy *policy = new_policy(registry, "{\"breaker\":{\"window\":{\"kind\":\"consecutive\",\"failures\":2}}}");
  seawall_overlay overlay = overlay_of(policy);
  for (uint32_t writer = WRITERS; writer < SEAWALL_LENT_LINES; writer++) CHECK(overlay.lent[writer] == NULL);
  for (uint32_t writer = 0; writer < WRITERS; writer++) {
    uint64_t *line = overlay.lent[writer];
    CHECK(line != NULL && (uintptr_t)line % SEAWALL_LINE_SIZE == 0);
    CHECK(line[SEAWALL_LINE_TALLY / 8] < line[SEAWALL_LINE_LIMIT / 8]);
    __atomic_store_n(line, *line + 1, __ATOMIC_RELEASE);
  }
  CHECK(shows(policy, "\"success\":3"));

  /* What the library counts meanwhile stands elsewhere: a store that knows nothing of it loses nothing. */
  uint64_t made = *overlay.lent[1];
  uint64_t under = SEAWALL_PASSED | __atomic_load_n(overlay.gate, __ATOMIC_ACQUIRE);
  CHECK_IS(seawall_policy_report(policy, under, SEAWALL_LINE_LENT | 1), SEAWALL_OK);
  __atomic_store_n(overlay.lent[1], made + 1, __ATOMIC_RELEASE);
  CHECK(shows(policy, "\"success\":5"));

  /* Who knows an older struct is told what it knows. */
  seawall_overlay older = {.size = offsetof(seawall_overlay, lent), .lent = {(uint64_t *)registry}};
  CHECK_IS(seawall_policy_overlay(policy, &older), SEAWALL_OK);
  CHECK(older.gate == overlay.gate && older.lent[0] == (uint64_t *)registry);
  seawall_policy_free(policy);
  seawall_registry_free(registry);
  return done("lent");
}
