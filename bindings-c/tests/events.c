/* Events are read, classification is asked. */
#include "check.h"

static void events(void) {
  seawall_registry *registry = new_registry();
  seawall_policy *policy = new_policy(registry, "{\"name\":\"p\",\"breaker\":{\"window\":{\"kind\":\"consecutive\",\"failures\":1}}}");
  CHECK_IS(seawall_breaker_control(policy, SEAWALL_CONTROL_OPEN, 0), SEAWALL_OK); /* nobody reads yet */
  seawall_events *events = NULL;
  CHECK_IS(seawall_events_new(registry, &events), SEAWALL_OK);
  seawall_text json = {NULL, 0};
  uint64_t dropped = 9;
  CHECK_IS(seawall_events_drain(events, &json, &dropped), SEAWALL_OK);
  CHECK(json.ptr == NULL && dropped == 0);
  CHECK_IS(seawall_breaker_control(policy, SEAWALL_CONTROL_RESET, 0), SEAWALL_OK);
  uint64_t permit = 0;
  CHECK_IS(seawall_breaker_acquire(policy, &permit, NULL), SEAWALL_OK);
  CHECK_IS(seawall_breaker_record(policy, permit, SEAWALL_OUTCOME_FAILURE, 0, SEAWALL_NO_HINT), SEAWALL_OK);
  CHECK_IS(seawall_events_drain(events, &json, &dropped), SEAWALL_OK);
  CHECK(text_has(&json, "\"opened\"") && text_has(&json, "\"policy\":\"p\"") && dropped == 0);
  seawall_text_free(&json);
  for (int i = 0; i < 2000; i++) CHECK_IS(seawall_breaker_acquire(policy, &permit, NULL), SEAWALL_CIRCUIT_OPEN);
  CHECK_IS(seawall_events_drain(events, &json, &dropped), SEAWALL_OK);
  CHECK_IS(dropped, 2000 - 1024);
  seawall_text_free(&json);
  seawall_events_free(events);
  seawall_policy_free(policy);
  seawall_registry_free(registry);
}

/* Two that disagree about one breaker: the event says where both are written. */
static void conflicts(void) {
  static const char *const settings[] = {
      "{\"name\":\"p\",\"breaker\":{\"window\":{\"kind\":\"consecutive\",\"failures\":1}}}",
      "{\"name\":\"p\",\"breaker\":{\"window\":{\"kind\":\"consecutive\",\"failures\":2}}}"};
  seawall_registry *registry = new_registry();
  seawall_events *events = NULL;
  CHECK_IS(seawall_events_new(registry, &events), SEAWALL_OK);
  seawall_policy *first = NULL, *second = NULL;
  seawall_str here = SEAWALL_HERE;
  CHECK_IS(seawall_policy_new_at(registry, str(settings[0]), SEAWALL_STR("first.c:1"), &first, NULL), SEAWALL_OK);
  CHECK_IS(seawall_policy_new_at(registry, str(settings[1]), here, &second, NULL), SEAWALL_OK);
  seawall_text json = {NULL, 0};
  CHECK_IS(seawall_events_drain(events, &json, NULL), SEAWALL_OK);
  CHECK(text_has(&json, "\"config_conflict\"") && text_has(&json, "first.c:1"));
  CHECK(text_has(&json, here.ptr) && strstr(here.ptr, "events.c:") != NULL);
  seawall_text_free(&json);
  seawall_policy_free(first);
  seawall_policy_free(second);
  seawall_events_free(events);
  seawall_registry_free(registry);
}

static void classification(void) {
  uint8_t outcome = 99;
  int64_t hint = 0;
  CHECK_IS(seawall_classify_http(200, &outcome), SEAWALL_OK);
  CHECK_IS(outcome, SEAWALL_OUTCOME_SUCCESS);
  CHECK_IS(seawall_classify_http(503, &outcome), SEAWALL_OK);
  CHECK_IS(outcome, SEAWALL_OUTCOME_FAILURE);
  CHECK_IS(seawall_classify_http(429, &outcome), SEAWALL_OK);
  CHECK_IS(outcome, SEAWALL_OUTCOME_THROTTLED);
  CHECK_IS(seawall_classify_http(404, &outcome), SEAWALL_OK);
  CHECK_IS(outcome, SEAWALL_OUTCOME_PERMANENT);
  CHECK_IS(seawall_classify_grpc(8, &outcome), SEAWALL_OK);
  CHECK_IS(outcome, SEAWALL_OUTCOME_THROTTLED);
  CHECK_IS(seawall_classify_error(SEAWALL_STR("python"), SEAWALL_STR("TypeError"), &outcome), SEAWALL_OK);
  CHECK_IS(outcome, SEAWALL_OUTCOME_IGNORED);
  CHECK_IS(seawall_classify_error(SEAWALL_STR(""), SEAWALL_STR("NobodyKnows"), &outcome), SEAWALL_UNKNOWN_VALUE);
  CHECK_IS(outcome, SEAWALL_OUTCOME_FAILURE);
  CHECK_IS(seawall_classify_retry_after(SEAWALL_STR("120"), 0, &hint), SEAWALL_OK);
  CHECK_IS(hint, 120 * SECONDS);
  CHECK_IS(seawall_classify_retry_after(SEAWALL_STR("Thu, 01 Jan 1970 00:00:30 GMT"), 10, &hint), SEAWALL_OK);
  CHECK_IS(hint, 20 * SECONDS);
  CHECK_IS(seawall_classify_retry_after(SEAWALL_STR("-3"), 0, &hint), SEAWALL_OK);
  CHECK(hint < 0 && hint != SEAWALL_NO_HINT);
  CHECK_IS(seawall_classify_retry_after(SEAWALL_STR("soon"), 0, &hint), SEAWALL_UNKNOWN_VALUE);
  CHECK(hint == SEAWALL_NO_HINT);
}

int main(void) {
  events();
  conflicts();
  classification();
  return done("events");
}
