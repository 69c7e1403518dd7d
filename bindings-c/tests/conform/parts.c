/* Steps that work on one part: permits, schedule, budget, queue, costs. */
#include "world.h"

#include <stdio.h>
#include <string.h>

static struct named *find(struct named *names, const char *name) {
  for (size_t i = 0; i < NAMES && name; i++)
    if (names[i].is_there && strcmp(names[i].name, name) == 0) return &names[i];
  return NULL;
}

static void keep(struct named *names, const char *name, uint64_t number) {
  struct named *place = find(names, name);
  for (size_t i = 0; !place && i < NAMES; i++)
    if (!names[i].is_there) place = &names[i];
  if (place && name) *place = (struct named){name, number, 1};
}

static seawall_refusal new_refusal(void) { return (seawall_refusal){.size = sizeof(seawall_refusal)}; }

/* A decision of the policy, no mistake of the caller's. */
static int is_refusal(seawall_status status) { return status >= 16 && status < 64; }

static int acquire(struct world *world, seawall_policy *policy, const json *step, json *shown) {
  uint64_t permit = 0;
  seawall_refusal refusal = new_refusal();
  seawall_status status = seawall_breaker_acquire(policy, &permit, &refusal);
  put(shown, "permitted", json_bool(status == SEAWALL_OK));
  if (status == SEAWALL_OK) keep(world->permits, json_string(step, "as"), permit);
  else if (is_refusal(status)) put_refusal(shown, status, refusal.retry_after);
  else return fail(world, "acquire: status %d", (int)status);
  return 1;
}

static int record(struct world *world, seawall_policy *policy, const json *step) {
  struct named *permit = find(world->permits, json_string(step, "of"));
  if (!permit) return fail(world, "no such permit");
  seawall_status status = seawall_breaker_record(policy, permit->number, outcome_of(step, SEAWALL_OUTCOME_SUCCESS),
                                                 span_of(step, "took", 0), hint_of(step));
  return status == SEAWALL_OK ? 1 : fail(world, "record: status %d", (int)status);
}

/* Takes the pass path where the gate is on and says so, as a driver would. */
static int run_times(struct world *world, seawall_policy *policy, const json *step, json *shown) {
  uint8_t outcome = outcome_of(step, SEAWALL_OUTCOME_SUCCESS);
  uint64_t took = span_of(step, "took", 0), permitted = 0;
  seawall_refusal refused = new_refusal();
  for (uint64_t i = times_of(step); i > 0; i--) {
    uint64_t started = 0, permit = 0;
    if (world->gate && outcome == SEAWALL_OUTCOME_SUCCESS && took == 0) {
      uint64_t pass = seawall_policy_pass(policy, &started);
      if (pass != SEAWALL_ASK) {
        seawall_policy_succeed(policy, pass, started);
        permitted++;
        continue;
      }
    }
    seawall_refusal refusal = new_refusal();
    seawall_status status = seawall_breaker_acquire(policy, &permit, &refusal);
    if (is_refusal(status)) {
      refused = refusal;
      continue;
    }
    if (status != SEAWALL_OK) return fail(world, "acquire: status %d", (int)status);
    permitted++;
    seawall_breaker_record(policy, permit, outcome, took, hint_of(step));
  }
  if (refused.status) put_refusal(shown, refused.status, refused.retry_after);
  put(shown, "permitted", json_number((double)permitted));
  return 1;
}

static int control(struct world *world, seawall_policy *policy, const json *step) {
  static const struct { const char *word; uint8_t control; const char *span; } controls[] = {
      {"open", SEAWALL_CONTROL_OPEN, NULL},
      {"open_for", SEAWALL_CONTROL_OPEN_FOR, "for"},
      {"open_until", SEAWALL_CONTROL_OPEN_UNTIL, "until"},
      {"half_open", SEAWALL_CONTROL_HALF_OPEN, NULL},
      {"close", SEAWALL_CONTROL_CLOSE, NULL},
      {"force_open", SEAWALL_CONTROL_FORCE_OPEN, NULL},
      {"disable", SEAWALL_CONTROL_DISABLE, NULL},
      {"metrics_only", SEAWALL_CONTROL_METRICS_ONLY, NULL},
      {"reset", SEAWALL_CONTROL_RESET, NULL},
  };
  const char *to = json_string(step, "to");
  for (size_t i = 0; to && i < sizeof controls / sizeof *controls; i++) {
    if (strcmp(to, controls[i].word) != 0) continue;
    uint64_t span = controls[i].span ? span_of(step, controls[i].span, SEAWALL_NONE) : 0;
    seawall_status status = seawall_breaker_control(policy, controls[i].control, span);
    return status == SEAWALL_OK ? 1 : fail(world, "control: status %d", (int)status);
  }
  return fail(world, "no such transition");
}

static int next_delay(struct world *world, seawall_policy *policy, const json *step, json *shown) {
  const json *number = json_get(step, "rand");
  if (number) seawall_registry_script(world->registry, number->number);
  if (!world->schedule && seawall_schedule_new(policy, &world->schedule) != SEAWALL_OK)
    return fail(world, "the policy has no retry part");
  uint8_t stop = 0;
  uint64_t delay = 0;
  seawall_status status = seawall_schedule_next(world->schedule, outcome_of(step, SEAWALL_OUTCOME_FAILURE), hint_of(step),
                                                span_of(step, "elapsed", SEAWALL_NONE), &stop, &delay);
  if (status != SEAWALL_OK) return fail(world, "next: status %d", (int)status);
  if (stop) put(shown, "stop", json_text(to_text(seawall_stop_name(stop))));
  else put(shown, "delay", json_length(delay, 1));
  return 1;
}

static int budget(struct world *world, seawall_policy *policy, const char *word, const json *step, json *shown) {
  uint64_t granted_times = 0;
  for (uint64_t i = times_of(step); i > 0; i--) {
    seawall_status status = SEAWALL_OK;
    if (strcmp(word, "begin") == 0) status = seawall_budget_begin(policy);
    else if (strcmp(word, "end") == 0) status = seawall_budget_end(policy);
    else if (strcmp(word, "withdraw") == 0) {
      uint8_t granted = 0;
      uint64_t cost = 0;
      status = seawall_budget_withdraw(policy, outcome_of(step, SEAWALL_OUTCOME_FAILURE), &granted, &cost);
      if (granted) {
        if (world->end_of_retries == sizeof world->retries / sizeof *world->retries) return fail(world, "too many retries");
        world->retries[world->end_of_retries++] = world->last_cost = cost;
        granted_times++;
      }
    } else if (strcmp(word, "retry_end") == 0) {
      if (world->first_retry == world->end_of_retries) return fail(world, "no retry is running");
      status = seawall_budget_retry_end(policy, world->retries[world->first_retry++]);
    } else {
      status = seawall_budget_success(policy, flag_of(step, "after_retry", 0) ? world->last_cost : SEAWALL_NONE);
    }
    if (status != SEAWALL_OK) return fail(world, "%s: status %d", word, (int)status);
  }
  if (strcmp(word, "withdraw") == 0) put(shown, "granted", json_number((double)granted_times));
  return 1;
}

static void put_result(json *shown, seawall_status status, const seawall_entry *entry, const char *queued) {
  const char *result = entry->kind == SEAWALL_ENTRY_ADMITTED ? "admitted"
                       : entry->kind == SEAWALL_ENTRY_QUEUED ? queued
                                                             : to_text(seawall_status_name(status));
  put(shown, "result", json_text(result));
}

/* Those that were woken look, and are inside. */
static int admit(struct world *world, seawall_policy *policy, const uint64_t *tickets, size_t count, json *shown) {
  json *admitted = json_make(JSON_ARRAY);
  for (size_t i = 0; i < count; i++) {
    struct named *waiter = NULL;
    for (size_t j = 0; j < NAMES; j++)
      if (world->tickets[j].is_there && world->tickets[j].number == tickets[i]) waiter = &world->tickets[j];
    if (!waiter) return fail(world, "a ticket was woken that nobody holds");
    seawall_entry entry = {.size = sizeof entry};
    seawall_bulkhead_poll(policy, tickets[i], &entry, NULL);
    if (entry.kind != SEAWALL_ENTRY_ADMITTED) continue;
    waiter->is_there = 0;
    keep(world->slots, waiter->name, entry.permit);
    json_append(admitted, json_text(waiter->name));
  }
  put(shown, "admitted", admitted);
  return 1;
}

static int bulkhead(struct world *world, seawall_policy *policy, const char *word, const json *step, json *shown) {
  const char *name = json_string(step, strcmp(word, "enter") == 0 ? "as" : "of");
  seawall_entry entry = {.size = sizeof entry};
  uint64_t tickets[NAMES];
  size_t count = 0;
  seawall_status status;
  if (strcmp(word, "enter") == 0) {
    const char *wait = json_string(step, "max_wait");
    uint64_t max_wait = !wait ? SEAWALL_AS_CONFIGURED : strcmp(wait, "none") == 0 ? SEAWALL_NONE : span_of(step, "max_wait", 0);
    status = seawall_bulkhead_enter(policy, max_wait, &entry, NULL);
    if (entry.kind == SEAWALL_ENTRY_ADMITTED) keep(world->slots, name, entry.permit);
    if (entry.kind == SEAWALL_ENTRY_QUEUED) keep(world->tickets, name, entry.ticket);
    return put_result(shown, status, &entry, "queued"), 1;
  }
  struct named *ticket = find(world->tickets, name), *slot = find(world->slots, name);
  if (strcmp(word, "poll") == 0) {
    if (!ticket) return fail(world, "`%s` does not wait", name ? name : "?");
    status = seawall_bulkhead_poll(policy, ticket->number, &entry, NULL);
    if (entry.kind == SEAWALL_ENTRY_ADMITTED) keep(world->slots, name, entry.permit);
    return put_result(shown, status, &entry, "waiting"), 1;
  }
  if (strcmp(word, "leave") == 0) {
    if (!slot) return fail(world, "`%s` is not inside", name ? name : "?");
    status = seawall_bulkhead_leave(policy, slot->number, tickets, NAMES, &count);
  } else if (strcmp(word, "cancel") == 0) {
    if (!ticket) return fail(world, "`%s` does not wait", name ? name : "?");
    ticket->is_there = 0;
    status = seawall_bulkhead_cancel(policy, ticket->number, tickets, NAMES, &count);
  } else {
    const json *limit = json_get(step, "limit");
    if (!limit) return fail(world, "no `limit`");
    status = seawall_bulkhead_resize(policy, (uint32_t)limit->number, tickets, NAMES, &count);
  }
  if (status != SEAWALL_OK) return fail(world, "%s: status %d", word, (int)status);
  return admit(world, policy, tickets, count, shown);
}

static int cost(struct world *world, seawall_policy *policy, const char *word, const json *step, json *shown) {
  if (strcmp(word, "reserve") == 0) {
    seawall_reservation *held = NULL;
    seawall_refusal refusal = new_refusal();
    seawall_status status = seawall_cost_reserve(policy, raw_of(step, "amounts"), &held, &refusal);
    put(shown, "result", json_text(to_text(seawall_status_name(status))));
    if (status != SEAWALL_OK) return put_refusal(shown, status, refusal.retry_after), 1;
    for (size_t i = 0; i < NAMES; i++)
      if (!world->reservations[i].held) {
        world->reservations[i].held = held;
        world->reservations[i].name = json_string(step, "as");
        return 1;
      }
    return fail(world, "too many reservations");
  }
  const char *name = json_string(step, "of");
  for (size_t i = 0; i < NAMES && name; i++) {
    if (!world->reservations[i].held || strcmp(world->reservations[i].name, name) != 0) continue;
    seawall_status status = SEAWALL_OK;
    if (strcmp(word, "settle") == 0) status = seawall_cost_settle(world->reservations[i].held, raw_of(step, "amounts"));
    seawall_reservation_free(world->reservations[i].held); /* gives back what is not settled */
    world->reservations[i].held = NULL;
    return status == SEAWALL_OK ? 1 : fail(world, "settle: status %d", (int)status);
  }
  return fail(world, "`%s` holds nothing", name ? name : "?");
}

int part_step(struct world *world, const char *word, const json *step, json *shown) {
  seawall_policy *policy = policy_of(world, step);
  if (strcmp(word, "acquire") == 0) return acquire(world, policy, step, shown);
  if (strcmp(word, "record") == 0) return record(world, policy, step);
  if (strcmp(word, "run") == 0) return run_times(world, policy, step, shown);
  if (strcmp(word, "control") == 0) return control(world, policy, step);
  if (strcmp(word, "next_delay") == 0) return next_delay(world, policy, step, shown);
  static const char *const words[3][5] = {{"begin", "end", "withdraw", "retry_end", "succeed"},
                                          {"enter", "leave", "cancel", "poll", "resize"},
                                          {"reserve", "settle", "give_back", "", ""}};
  for (size_t i = 0; i < 5; i++) {
    if (strcmp(word, words[0][i]) == 0) return budget(world, policy, word, step, shown);
    if (strcmp(word, words[1][i]) == 0) return bulkhead(world, policy, word, step, shown);
    if (strcmp(word, words[2][i]) == 0) return cost(world, policy, word, step, shown);
  }
  return fail(world, "`%s` is no step", word);
}
