/* The parts by hand: breaker, bulkhead, retry schedule, budgets. */
#include "check.h"

static void breaker(seawall_registry *registry) {
  seawall_policy *policy =
      new_policy(registry, "{\"breaker\":{\"window\":{\"kind\":\"consecutive\",\"failures\":2},\"open_for\":\"10s\"}}");
  uint64_t permit = 0;
  seawall_refusal refusal = {.size = sizeof refusal};
  for (int i = 0; i < 2; i++) {
    CHECK_IS(seawall_breaker_acquire(policy, &permit, &refusal), SEAWALL_OK);
    CHECK_IS(refusal.status, SEAWALL_OK);
    CHECK_IS(seawall_breaker_record(policy, permit, SEAWALL_OUTCOME_FAILURE, MILLISECONDS, SEAWALL_NO_HINT), SEAWALL_OK);
  }
  uint8_t state = 99;
  CHECK_IS(seawall_breaker_state(policy, &state), SEAWALL_OK);
  CHECK_IS(state, SEAWALL_STATE_OPEN);
  CHECK_IS(seawall_breaker_acquire(policy, &permit, &refusal), SEAWALL_CIRCUIT_OPEN);
  CHECK(permit == 0 && refusal.status == SEAWALL_CIRCUIT_OPEN && refusal.state == SEAWALL_STATE_OPEN);
  CHECK_IS(refusal.retry_after, 10 * SECONDS);
  CHECK_IS(seawall_breaker_acquire(policy, &permit, NULL), SEAWALL_CIRCUIT_OPEN);

  CHECK_IS(seawall_registry_advance(registry, 10 * SECONDS), SEAWALL_OK);
  CHECK_IS(seawall_breaker_acquire(policy, &permit, &refusal), SEAWALL_OK);
  CHECK_IS(seawall_breaker_state(policy, &state), SEAWALL_OK);
  CHECK_IS(state, SEAWALL_STATE_HALF_OPEN);
  CHECK_IS(seawall_breaker_record(policy, permit, SEAWALL_OUTCOME_SUCCESS, 0, SEAWALL_NO_HINT), SEAWALL_OK);
  CHECK_IS(seawall_breaker_state(policy, &state), SEAWALL_OK);
  CHECK_IS(state, SEAWALL_STATE_CLOSED);

  static const struct { uint8_t control, state; } controls[] = {
      {SEAWALL_CONTROL_OPEN, SEAWALL_STATE_OPEN},
      {SEAWALL_CONTROL_OPEN_FOR, SEAWALL_STATE_OPEN},
      {SEAWALL_CONTROL_OPEN_UNTIL, SEAWALL_STATE_OPEN},
      {SEAWALL_CONTROL_HALF_OPEN, SEAWALL_STATE_HALF_OPEN},
      {SEAWALL_CONTROL_FORCE_OPEN, SEAWALL_STATE_FORCED_OPEN},
      {SEAWALL_CONTROL_CLOSE, SEAWALL_STATE_CLOSED},
      {SEAWALL_CONTROL_DISABLE, SEAWALL_STATE_DISABLED},
      {SEAWALL_CONTROL_METRICS_ONLY, SEAWALL_STATE_METRICS_ONLY},
      {SEAWALL_CONTROL_RESET, SEAWALL_STATE_CLOSED},
  };
  for (size_t i = 0; i < sizeof controls / sizeof *controls; i++) {
    CHECK_IS(seawall_breaker_control(policy, controls[i].control, 100 * SECONDS), SEAWALL_OK);
    CHECK_IS(seawall_breaker_state(policy, &state), SEAWALL_OK);
    CHECK_IS(state, controls[i].state);
  }
  CHECK_IS(seawall_breaker_control(policy, 0, 0), SEAWALL_UNKNOWN_VALUE);
  CHECK_IS(seawall_breaker_control(policy, 10, 0), SEAWALL_UNKNOWN_VALUE);
  CHECK_IS(seawall_breaker_record(policy, 1, 8, 0, SEAWALL_NO_HINT), SEAWALL_UNKNOWN_VALUE);
  seawall_policy_free(policy);
}

static void bulkhead(seawall_registry *registry) {
  seawall_policy *policy = new_policy(registry, "{\"bulkhead\":{\"limit\":1,\"queue\":8}}");
  seawall_entry in = {.size = sizeof in}, queued[3], poll = {.size = sizeof poll};
  seawall_refusal refusal = {.size = sizeof refusal};
  CHECK_IS(seawall_bulkhead_enter(policy, SEAWALL_AS_CONFIGURED, &in, &refusal), SEAWALL_OK);
  CHECK_IS(in.kind, SEAWALL_ENTRY_ADMITTED);
  CHECK_IS(seawall_bulkhead_enter(policy, 0, &poll, &refusal), SEAWALL_BULKHEAD_FULL);
  CHECK(poll.kind == SEAWALL_ENTRY_REFUSED && refusal.used == 1 && refusal.limit == 1);
  for (int i = 0; i < 3; i++) {
    queued[i].size = sizeof queued[i];
    CHECK_IS(seawall_bulkhead_enter(policy, SECONDS, &queued[i], &refusal), SEAWALL_OK);
    CHECK(queued[i].kind == SEAWALL_ENTRY_QUEUED && queued[i].span == SECONDS);
  }
  /* One leaves, room for one ticket: what does not fit is kept. */
  uint64_t tickets[8];
  size_t count = 9;
  CHECK_IS(seawall_bulkhead_resize(policy, 3, tickets, 1, &count), SEAWALL_OK);
  CHECK(count == 1 && tickets[0] == queued[0].ticket);
  CHECK_IS(seawall_bulkhead_take_wakes(policy, tickets, 8, &count), SEAWALL_OK);
  CHECK(count == 1 && tickets[0] == queued[1].ticket);
  CHECK_IS(seawall_bulkhead_poll(policy, queued[1].ticket, &poll, &refusal), SEAWALL_OK);
  CHECK_IS(poll.kind, SEAWALL_ENTRY_ADMITTED);
  CHECK_IS(seawall_bulkhead_poll(policy, queued[2].ticket, &poll, &refusal), SEAWALL_OK);
  CHECK_IS(poll.kind, SEAWALL_ENTRY_QUEUED);
  /* The first woken one goes away without looking: its permit goes to the next. */
  CHECK_IS(seawall_bulkhead_cancel(policy, queued[0].ticket, tickets, 8, &count), SEAWALL_OK);
  CHECK(count == 1 && tickets[0] == queued[2].ticket);
  CHECK_IS(seawall_bulkhead_leave(policy, in.permit, tickets, 8, &count), SEAWALL_OK);
  CHECK_IS(count, 0);
  CHECK_IS(seawall_registry_advance(registry, 2 * SECONDS), SEAWALL_OK);
  CHECK_IS(seawall_bulkhead_poll(policy, 12345678, &poll, &refusal), SEAWALL_STALE_HANDLE);
  CHECK_IS(seawall_bulkhead_resize(policy, 0, tickets, 8, &count), SEAWALL_UNKNOWN_VALUE);
  seawall_policy_free(policy);
}

static void schedule(seawall_registry *registry) {
  seawall_policy *policy = new_policy(
      registry, "{\"retry\":{\"attempts\":4,\"backoff\":{\"kind\":\"exponential\",\"base\":\"100ms\",\"factor\":2,\"cap\":\"1s\"},\"jitter\":\"full\"}}");
  seawall_schedule *schedule = NULL;
  CHECK_IS(seawall_schedule_new(policy, &schedule), SEAWALL_OK);
  uint8_t stop = 9;
  uint64_t delay = 9;
  CHECK_IS(seawall_registry_script(registry, 0.5), SEAWALL_OK);
  CHECK_IS(seawall_schedule_next(schedule, SEAWALL_OUTCOME_FAILURE, SEAWALL_NO_HINT, 0, &stop, &delay), SEAWALL_OK);
  CHECK_IS(stop, 0);
  CHECK_IS(delay, 50 * MILLISECONDS);
  CHECK_IS(seawall_registry_script(registry, 1.0), SEAWALL_OK);
  CHECK_IS(seawall_schedule_next(schedule, SEAWALL_OUTCOME_TIMEOUT, SEAWALL_NO_HINT, SEAWALL_NONE, &stop, &delay), SEAWALL_OK);
  CHECK_IS(delay, 200 * MILLISECONDS);
  CHECK_IS(seawall_schedule_next(schedule, 77, SEAWALL_NO_HINT, 0, &stop, &delay), SEAWALL_UNKNOWN_VALUE);
  CHECK(stop != 0 && delay == 0);
  CHECK_IS(seawall_schedule_next(schedule, SEAWALL_OUTCOME_PERMANENT, SEAWALL_NO_HINT, 0, &stop, &delay), SEAWALL_OK);
  CHECK_IS(stop, SEAWALL_STOP_PERMANENT);
  uint32_t attempts = 0;
  CHECK_IS(seawall_schedule_attempts(schedule, &attempts), SEAWALL_OK);
  CHECK_IS(attempts, 2);
  seawall_schedule_free(schedule);
  seawall_policy_free(policy);
}

static void budget(seawall_registry *registry) {
  seawall_policy *policy = new_policy(registry, "{\"retry\":{\"budget\":{\"kind\":\"tokens\",\"capacity\":20}}}");
  uint8_t granted = 9;
  uint64_t cost = 9, active = 9, limit = 0;
  double balance = 0;
  CHECK_IS(seawall_budget_begin(policy), SEAWALL_OK);
  CHECK_IS(seawall_budget_withdraw(policy, SEAWALL_OUTCOME_FAILURE, &granted, &cost), SEAWALL_OK);
  CHECK(granted == 1 && cost == 14);
  CHECK_IS(seawall_budget_balance(policy, &balance), SEAWALL_OK);
  CHECK(balance == 6);
  uint64_t denied = 9;
  CHECK_IS(seawall_budget_withdraw(policy, SEAWALL_OUTCOME_TIMEOUT, &granted, &denied), SEAWALL_OK);
  CHECK(granted == 0 && denied == 0);
  CHECK_IS(seawall_budget_retry_end(policy, cost), SEAWALL_OK);
  CHECK_IS(seawall_budget_success(policy, cost), SEAWALL_OK);
  CHECK_IS(seawall_budget_balance(policy, &balance), SEAWALL_OK);
  CHECK(balance == 20);
  CHECK_IS(seawall_budget_success(policy, SEAWALL_NONE), SEAWALL_OK);
  CHECK_IS(seawall_budget_success(policy, SEAWALL_NONE - 1), SEAWALL_UNKNOWN_VALUE);
  CHECK_IS(seawall_budget_retry_end(policy, UINT64_C(1) << 40), SEAWALL_UNKNOWN_VALUE);
  CHECK_IS(seawall_budget_active(policy, &active), SEAWALL_OK);
  CHECK_IS(active, 0);
  CHECK_IS(seawall_budget_limit(policy, &limit), SEAWALL_OK);
  CHECK(limit == SEAWALL_NONE);
  CHECK_IS(seawall_budget_end(policy), SEAWALL_OK);
  seawall_policy_free(policy);
}

static void cost(seawall_registry *registry) {
  seawall_policy *policy = new_policy(registry, "{\"cost\":{\"name\":\"llm\",\"limits\":{\"tokens\":100}}}");
  seawall_refusal refusal = {.size = sizeof refusal};
  seawall_reservation *first = NULL, *second = NULL;
  CHECK_IS(seawall_cost_check(policy, &refusal), SEAWALL_OK);
  CHECK_IS(seawall_cost_reserve(policy, SEAWALL_STR("{\"tokens\":80}"), &first, &refusal), SEAWALL_OK);
  CHECK_IS(seawall_cost_reserve(policy, SEAWALL_STR("{\"tokens\":30}"), &second, &refusal), SEAWALL_COST_EXCEEDED);
  CHECK(second == NULL && refusal.status == SEAWALL_COST_EXCEEDED && refusal.limit == 100);
  CHECK_IS(seawall_cost_settle(first, SEAWALL_STR("{\"tokens\":-1}")), SEAWALL_INVALID_TEXT);
  CHECK_IS(seawall_cost_settle(first, SEAWALL_STR("{\"tokens\":20}")), SEAWALL_OK);
  CHECK_IS(seawall_cost_settle(first, SEAWALL_STR("{\"tokens\":20}")), SEAWALL_WRONG_ORDER);
  seawall_reservation_free(first);
  /* What is not settled goes back. */
  CHECK_IS(seawall_cost_reserve(policy, SEAWALL_STR("{\"tokens\":80}"), &second, &refusal), SEAWALL_OK);
  seawall_reservation_free(second);
  CHECK_IS(seawall_cost_reserve(policy, SEAWALL_STR("{\"tokens\":80}"), &second, NULL), SEAWALL_OK);
  CHECK_IS(seawall_cost_settle(second, SEAWALL_STR("{\"tokens\":80}")), SEAWALL_OK);
  seawall_reservation_free(second);
  CHECK_IS(seawall_cost_check(policy, &refusal), SEAWALL_COST_EXCEEDED);
  CHECK_IS(seawall_cost_reserve(policy, SEAWALL_STR("tokens"), &second, NULL), SEAWALL_INVALID_TEXT);
  seawall_policy_free(policy);
}

static void missing_parts(seawall_registry *registry) {
  seawall_policy *policy = new_policy(registry, "{}");
  uint64_t number = 0;
  uint8_t byte = 0;
  double real = 0;
  size_t count = 0;
  seawall_schedule *schedule = NULL;
  seawall_reservation *reservation = NULL;
  seawall_entry place = {.size = sizeof place};
  CHECK_IS(seawall_breaker_acquire(policy, &number, NULL), SEAWALL_NO_SUCH_PART);
  CHECK_IS(seawall_breaker_record(policy, 1, 0, 0, 0), SEAWALL_NO_SUCH_PART);
  CHECK_IS(seawall_breaker_control(policy, SEAWALL_CONTROL_OPEN, 0), SEAWALL_NO_SUCH_PART);
  CHECK_IS(seawall_breaker_state(policy, &byte), SEAWALL_NO_SUCH_PART);
  CHECK_IS(byte, SEAWALL_NOTHING);
  CHECK_IS(seawall_bulkhead_enter(policy, 0, &place, NULL), SEAWALL_NO_SUCH_PART);
  CHECK_IS(seawall_bulkhead_poll(policy, 1, &place, NULL), SEAWALL_NO_SUCH_PART);
  CHECK_IS(seawall_bulkhead_leave(policy, 1, NULL, 0, &count), SEAWALL_NO_SUCH_PART);
  CHECK_IS(seawall_schedule_new(policy, &schedule), SEAWALL_NO_SUCH_PART);
  CHECK_IS(seawall_budget_balance(policy, &real), SEAWALL_NO_SUCH_PART);
  CHECK_IS(seawall_cost_check(policy, NULL), SEAWALL_NO_SUCH_PART);
  CHECK_IS(seawall_cost_reserve(policy, SEAWALL_STR("{}"), &reservation, NULL), SEAWALL_NO_SUCH_PART);
  seawall_policy_free(policy);
}

int main(void) {
  seawall_registry *registry = new_registry();
  breaker(registry);
  bulkhead(registry);
  schedule(registry);
  budget(registry);
  cost(registry);
  missing_parts(registry);
  seawall_registry_free(registry);
  return done("parts");
}
