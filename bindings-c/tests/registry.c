/* Clock, randomness, configuration, the off switch, metrics. */
#include "check.h"

static void clock_and_randomness(void) {
  seawall_registry *registry = new_registry(), *other = new_registry();
  uint64_t now = 1;
  uint8_t manual = 0;
  CHECK_IS(seawall_registry_now(registry, &now), SEAWALL_OK);
  CHECK_IS(now, 0);
  CHECK_IS(seawall_registry_is_manual(registry, &manual), SEAWALL_OK);
  CHECK_IS(manual, 1);
  CHECK_IS(seawall_registry_advance(registry, 5 * SECONDS), SEAWALL_OK);
  CHECK_IS(seawall_registry_now(registry, &now), SEAWALL_OK);
  CHECK_IS(now, 5 * SECONDS);

  double a = 2, b = 2;
  for (int i = 0; i < 10; i++) {
    CHECK_IS(seawall_registry_uniform(registry, &a), SEAWALL_OK);
    CHECK_IS(seawall_registry_uniform(other, &b), SEAWALL_OK);
    CHECK(a == b && a >= 0 && a < 1);
  }
  CHECK_IS(seawall_registry_script(registry, 0.25), SEAWALL_OK);
  CHECK_IS(seawall_registry_uniform(registry, &a), SEAWALL_OK);
  CHECK(a == 0.25);
  CHECK_IS(seawall_registry_script(registry, (double)(0.0 / 0.0 * 0.0)), SEAWALL_UNKNOWN_VALUE);
  CHECK_IS(seawall_registry_reseed(registry, 9), SEAWALL_OK);
  CHECK_IS(seawall_registry_reseed(other, 9), SEAWALL_OK);
  CHECK_IS(seawall_registry_uniform(registry, &a), SEAWALL_OK);
  CHECK_IS(seawall_registry_uniform(other, &b), SEAWALL_OK);
  CHECK(a == b);

  CHECK_IS(seawall_registry_thaw(registry), SEAWALL_OK);
  CHECK_IS(seawall_registry_advance(registry, 1), SEAWALL_WRONG_ORDER);
  CHECK_IS(seawall_registry_freeze(registry), SEAWALL_OK);
  CHECK_IS(seawall_registry_advance(registry, 1), SEAWALL_OK);
  seawall_registry *second = seawall_registry_clone(registry);
  seawall_registry_free(registry);
  CHECK_IS(seawall_registry_now(second, &now), SEAWALL_OK);
  seawall_registry_free(second);
  seawall_registry_free(other);
}

static void configuration(void) {
  seawall_registry *registry = new_registry();
  seawall_text why = {NULL, 0};
  const char *toml = "[policy.identity.breaker]\nwindow = { kind = \"consecutive\", failures = 2 }\nopen_for = \"10s\"\n";
  CHECK_IS(seawall_registry_load(registry, str(toml), SEAWALL_STR("test.toml"), &why), SEAWALL_OK);
  CHECK(why.ptr == NULL);

  seawall_policy *policy = NULL;
  CHECK_IS(seawall_policy_named(registry, SEAWALL_STR("identity"), &policy, &why), SEAWALL_OK);
  seawall_str name = {NULL, 0};
  CHECK_IS(seawall_policy_name(policy, &name), SEAWALL_OK);
  CHECK(str_is(name, "identity"));

  seawall_policy *found = NULL, *missing = NULL;
  CHECK_IS(seawall_registry_find(registry, SEAWALL_STR("identity"), &found), SEAWALL_OK);
  CHECK(found != NULL);
  CHECK_IS(seawall_registry_find(registry, SEAWALL_STR("nobody"), &missing), SEAWALL_UNKNOWN_POLICY);
  CHECK(missing == NULL);

  CHECK_IS(seawall_policy_named(registry, SEAWALL_STR("identty"), &missing, &why), SEAWALL_INVALID_CONFIG);
  CHECK(missing == NULL && text_has(&why, "\"suggestion\":\"identity\""));
  seawall_text_free(&why);
  CHECK(why.ptr == NULL && why.len == 0);
  seawall_text_free(&why);

  CHECK_IS(seawall_registry_load(registry, SEAWALL_STR("[policy.x.breaker]\nopen_fr = \"1s\"\n"), SEAWALL_STR("bad.toml"), &why),
           SEAWALL_INVALID_CONFIG);
  CHECK(text_has(&why, "/policy/x/breaker") && text_has(&why, "open_for") && text_has(&why, "bad.toml"));
  CHECK(strlen(why.ptr) == why.len);
  seawall_text_free(&why);
  CHECK_IS(seawall_registry_load(registry, SEAWALL_STR("[policy"), SEAWALL_STR("x"), NULL), SEAWALL_INVALID_CONFIG);
  CHECK_IS(seawall_registry_load(registry, (seawall_str){"\xff\xfe", 2}, SEAWALL_STR("x"), NULL), SEAWALL_INVALID_TEXT);
  CHECK_IS(seawall_registry_load_path(registry, SEAWALL_STR("/no/such/file.toml"), &why), SEAWALL_INVALID_CONFIG);
  CHECK(text_has(&why, "/no/such/file.toml"));
  seawall_text_free(&why);
  CHECK_IS(seawall_registry_reload(registry, NULL), SEAWALL_OK);

  uint64_t nanos = 0;
  uint32_t limit = 0;
  CHECK_IS(seawall_registry_operation_timeout(registry, SEAWALL_STR("llm"), &nanos), SEAWALL_OK);
  CHECK_IS(nanos, 60 * SECONDS);
  CHECK_IS(seawall_registry_operation_timeout(registry, SEAWALL_STR("anything"), &nanos), SEAWALL_OK);
  CHECK_IS(nanos, 30 * SECONDS);
  CHECK_IS(seawall_registry_resource_limit(registry, SEAWALL_STR("redis"), &limit), SEAWALL_OK);
  CHECK_IS(limit, 100);
  seawall_policy_free(found);
  seawall_policy_free(policy);
  seawall_registry_free(registry);
}

static void looking(void) {
  seawall_registry *registry = new_registry();
  seawall_policy *policy = new_policy(registry, "{\"name\":\"watched\",\"breaker\":{}}");
  seawall_text text = {NULL, 0};
  CHECK_IS(seawall_registry_metrics(registry, &text), SEAWALL_OK);
  CHECK(text_has(&text, "seawall_breaker_state") && text_has(&text, "watched"));
  seawall_text_free(&text);
  CHECK_IS(seawall_registry_snapshot(registry, &text), SEAWALL_OK);
  CHECK(text.ptr[0] == '[' && text_has(&text, "\"closed\""));
  seawall_text_free(&text);
  CHECK_IS(seawall_registry_tick(registry), SEAWALL_OK);
  uint64_t tickets[2];
  size_t woken = 7;
  CHECK_IS(seawall_registry_take_wakes(registry, tickets, 2, &woken), SEAWALL_OK);
  CHECK_IS(woken, 0);

  uint8_t enabled = 0;
  CHECK_IS(seawall_registry_enabled(registry, &enabled), SEAWALL_OK);
  CHECK_IS(enabled, 1);
  CHECK_IS(seawall_registry_set_enabled(registry, 0), SEAWALL_OK);
  CHECK_IS(seawall_policy_enabled(policy, &enabled), SEAWALL_OK);
  CHECK_IS(enabled, 0);
  seawall_policy_free(policy);
  seawall_registry_free(registry);
}

static void the_process(void) {
  seawall_registry *registry = NULL;
  uint8_t manual = 1;
  CHECK_IS(seawall_registry_global(&registry), SEAWALL_OK);
  CHECK_IS(seawall_registry_is_manual(registry, &manual), SEAWALL_OK);
  CHECK_IS(manual, 0);
  seawall_registry_free(registry);
}

int main(void) {
  clock_and_randomness();
  configuration();
  looking();
  the_process();
  return done("registry");
}
