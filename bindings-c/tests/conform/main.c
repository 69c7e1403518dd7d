/* conform --dir DIR: runs a folder of vectors and closes with one line of counts. */
#include "world.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void advance(struct world *world, uint64_t nanos) { seawall_registry_advance(world->registry, nanos); }

seawall_policy *policy_of(struct world *world, const json *step) {
  const char *key = json_string(step, "key");
  if (!key) return world->policy;
  struct keyed *place = world->keyed;
  while (place->policy && strcmp(place->key, key) != 0 && place < world->keyed + NAMES - 1) place++;
  if (!place->policy) {
    place->key = key;
    seawall_policy_at(world->policy, to_str(key), &place->policy);
  }
  return place->policy;
}

/* ---- what can be seen after a step ---- */

static void copy(json *shown, const char *as, const json *from, const char *key) {
  const json *value = json_get(from, key);
  json *own = json_make(JSON_NULL);
  if (value) *own = *value;
  put(shown, as, own);
}

static void copy_length(json *shown, const char *as, const json *from, const char *key) {
  const json *value = json_get(from, key);
  int is_known = value && value->kind == JSON_NUMBER;
  put(shown, as, json_length(is_known ? (uint64_t)value->number : 0, is_known));
}

static void show_breaker(const json *breaker, json *shown) {
  static const char *const fields[] = {"state", "generation", "calls", "successes", "failures", "slow",
                                       "consecutive_failures", "failure_rate", "slow_call_rate", "permits_left", "step",
                                       "not_permitted"};
  static const char *const totals[][2] = {{"total_success", "success"}, {"total_failure", "failure"},
                                          {"total_slow", "slow"}, {"total_ignored", "ignored"},
                                          {"total_cancelled", "cancelled"}, {"total_rejected", "rejected"},
                                          {"stale", "stale"}, {"reclaimed", "reclaimed"}, {"transitions", "transitions"}};
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) copy(shown, fields[i], breaker, fields[i]);
  copy_length(shown, "open_remaining", breaker, "open_remaining_ns");
  copy_length(shown, "retry_after", breaker, "retry_after_ns");
  copy(shown, "last_reason", json_get(breaker, "last_transition"), "reason");
  for (size_t i = 0; i < sizeof totals / sizeof *totals; i++)
    copy(shown, totals[i][0], json_get(breaker, "totals"), totals[i][1]);
}

static void show_costs(const json *costs, json *shown) {
  json *used = json_make(JSON_TABLE);
  for (const json *budget = costs->first; budget; budget = budget->next)
    for (const json *amount = budget->first; amount; amount = amount->next) copy(used, amount->key, amount, "used");
  put(shown, "used", used);
}

static void show_state(struct world *world, const json *step, const json *expected, json *shown) {
  seawall_text text = {NULL, 0};
  seawall_policy_snapshot(policy_of(world, step), &text);
  const json *snapshot = taken(&text), *part;
  if ((part = json_get(snapshot, "breaker")) && part->kind == JSON_TABLE) show_breaker(part, shown);
  if ((part = json_get(snapshot, "bulkhead")) && part->kind == JSON_TABLE) {
    static const char *const fields[] = {"in_use", "queued", "limit", "available"};
    for (size_t i = 0; i < 4; i++) copy(shown, fields[i], part, fields[i]);
  }
  if ((part = json_get(snapshot, "budget")) && part->kind == JSON_TABLE) {
    copy(shown, "balance", part, "balance");
    copy(shown, "active_retries", part, "active_retries");
    copy(shown, "budget_limit", part, "limit");
  }
  if ((part = json_get(snapshot, "cost")) && part->kind == JSON_TABLE) show_costs(part, shown);
  seawall_events_drain(world->events, &text, NULL);
  const json *events = taken(&text);
  json *kinds = json_make(JSON_ARRAY);
  for (const json *event = events ? events->first : NULL; event; event = event->next)
    json_append(kinds, json_text(json_string(event, "kind")));
  if (json_get(expected, "events")) put(shown, "events", kinds);
}

/* ---- steps ---- */

static int one_step(struct world *world, const json *step) {
  int64_t at;
  const char *instant = json_string(step, "at"), *word = json_string(step, "do");
  if (instant && parse_length(instant, &at)) {
    uint64_t now = 0;
    seawall_registry_now(world->registry, &now);
    if (at > 0 && (uint64_t)at > now) advance(world, (uint64_t)at - now);
  }
  advance(world, span_of(step, "advance", 0));
  if (!word) return fail(world, "the step has no `do`");
  json *shown = json_make(JSON_TABLE);
  if (strcmp(word, "call") == 0) {
    if (!call_step(world, step, shown)) return 0;
  } else if (strcmp(word, "observe") != 0) {
    if (!part_step(world, word, step, shown)) return 0;
  }
  const json *expected = json_get(step, "expect");
  if (!expected) return 1;
  show_state(world, step, expected, shown);
  return check(world, expected, shown);
}

int run_steps(struct world *world, const json *steps) {
  int number = 1;
  for (const json *step = steps->first; step; step = step->next, number++) {
    if (one_step(world, step)) continue;
    char reason[sizeof world->reason];
    const char *word = json_string(step, "do");
    snprintf(reason, sizeof reason, "step %d (%s): %.400s", number, word ? word : "?", world->reason);
    memcpy(world->reason, reason, sizeof reason);
    return 0;
  }
  return 1;
}

/* ---- vectors ---- */

static int load(struct world *world, const json *vector, seawall_text *why) {
  const char *toml = json_string(vector, "toml");
  if (!toml) return SEAWALL_OK;
  return seawall_registry_load(world->registry, to_str(toml), SEAWALL_STR("seawall.toml"), why);
}

static int behaviour(struct world *world, const json *vector) {
  const json *seed = json_get(vector, "seed");
  seawall_text why = {NULL, 0};
  seawall_registry_manual(seed ? (uint64_t)seed->number : 1, &world->registry);
  seawall_str settings = json_get(vector, "policy") ? raw_of(vector, "policy") : SEAWALL_STR("{}");
  if (load(world, vector, &why) != SEAWALL_OK || seawall_events_new(world->registry, &world->events) != SEAWALL_OK ||
      seawall_policy_new(world->registry, settings, &world->policy, &why) != SEAWALL_OK) {
    fail(world, "%s", why.ptr ? why.ptr : "the vector's policy cannot be made");
    seawall_text_free(&why);
    return 0;
  }
  seawall_registry_set_enabled(world->registry, (uint8_t)flag_of(vector, "enabled", 1));
  return run_steps(world, json_get(vector, "steps"));
}

/* A vector without steps: what the configuration comes to, or where the mistake is. */
static int configuration(struct world *world, const json *vector) {
  seawall_text text = {NULL, 0};
  seawall_str variables = json_get(vector, "environment") ? raw_of(vector, "environment") : SEAWALL_STR("{}");
  if (seawall_registry_manual_with(1, variables, &world->registry) != SEAWALL_OK) return fail(world, "no such environment");
  seawall_status status = load(world, vector, &text);
  const char *name = json_string(vector, "policy_name");
  if (status == SEAWALL_OK && json_get(vector, "policy"))
    status = seawall_policy_new(world->registry, raw_of(vector, "policy"), &world->policy, &text);
  else if (status == SEAWALL_OK && name)
    status = seawall_policy_named(world->registry, to_str(name), &world->policy, &text);
  json *shown = json_make(JSON_TABLE), *error = taken(&text);
  put(shown, "ok", json_bool(status == SEAWALL_OK));
  if (error) put(shown, "error", error);
  const json *expected = json_get(vector, "expect"), *resolved = json_get(vector, "resolved");
  if (!expected) return fail(world, "a vector without steps needs `expect`");
  if (!check(world, expected, shown)) return 0;
  if (!resolved) return 1;
  if (!world->policy || seawall_policy_config(world->policy, &text) != SEAWALL_OK) return fail(world, "nothing was resolved");
  const json *config = taken(&text);
  if (!config) return fail(world, "what was resolved is no JSON");
  json *whole = json_make(JSON_TABLE), *own = json_make(JSON_NULL), *wanted = json_make(JSON_TABLE);
  *own = *config;
  put(whole, "resolved", own);
  /* One member down, where what is absent is no value. */
  json *asked = json_make(JSON_NULL);
  *asked = *resolved;
  put(wanted, "resolved", asked);
  return check(world, wanted, whole);
}

static void end(struct world *world) {
  for (size_t i = 0; i < NAMES; i++) {
    seawall_policy_free(world->keyed[i].policy);
    seawall_reservation_free(world->reservations[i].held);
  }
  seawall_schedule_free(world->schedule);
  seawall_events_free(world->events);
  seawall_policy_free(world->policy);
  seawall_registry_free(world->registry);
}

/* ---- the folder ---- */

static unsigned passed, failed, exempt;

static json *read_file(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file) return NULL;
  size_t used = 0, room = 1 << 20;
  char *text = json_keep(room);
  used = fread(text, 1, room, file);
  fclose(file);
  return used < room ? json_parse(text, used) : NULL;
}

static int one_file(const char *path, const struct stat *status, int kind, struct FTW *place) {
  (void)status, (void)place;
  size_t len = strlen(path);
  if (kind != FTW_F || len < 5 || strcmp(path + len - 5, ".json") != 0) return 0;
  struct world *world = json_keep(sizeof *world);
  const char *gate = getenv("SEAWALL_GATE");
  world->gate = !gate || strcmp(gate, "off") != 0;
  const json *vector = read_file(path);
  int is_good = vector ? 1 : fail(world, "this is no JSON");
  if (vector && flag_of(vector, "host_function", 0)) {
    exempt++;
  } else {
    if (vector) is_good = json_get(vector, "steps") ? behaviour(world, vector) : configuration(world, vector);
    if (is_good) passed++;
    else failed++, printf("%s: %s\n", path, world->reason);
  }
  end(world);
  json_forget();
  return 0;
}

int main(int count, char **words) {
  if (count != 3 || strcmp(words[1], "--dir") != 0) return fputs("usage: conform --dir DIR\n", stderr), 2;
  if (nftw(words[2], one_file, 16, 0) != 0) return fprintf(stderr, "cannot read %s\n", words[2]), 2;
  printf("{\"lang\":\"c\",\"passed\":%u,\"failed\":%u,\"exempt\":%u}\n", passed, failed, exempt);
  return failed > 0;
}
