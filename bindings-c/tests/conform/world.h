/* The C runner of behaviour vectors (tests/vectors/README.md): what its rooms share. */
#ifndef SEAWALL_CONFORM_WORLD_H
#define SEAWALL_CONFORM_WORLD_H

#include "json.h"
#include "seawall.h"

enum { NAMES = 128 };

struct keyed { const char *key; seawall_policy *policy; };
struct named { const char *name; uint64_t number; int is_there; };

/* One vector on one fresh registry, and everything its steps have named. */
struct world {
  seawall_registry *registry;
  seawall_policy *policy;
  seawall_events *events;
  int gate;
  struct keyed keyed[NAMES];
  struct named permits[NAMES], tickets[NAMES], slots[NAMES];
  struct { const char *name; seawall_reservation *held; } reservations[NAMES];
  seawall_schedule *schedule;
  uint64_t retries[4096];
  size_t first_retry, end_of_retries;
  uint64_t last_cost;
  char reason[512];
};

/* All of these answer 1, or 0 with the reason in the world. */
int fail(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));
int run_steps(struct world *world, const json *steps);
int part_step(struct world *world, const char *word, const json *step, json *shown);
int call_step(struct world *world, const json *step, json *shown);
int check(struct world *world, const json *expected, const json *shown);

/* The policy a step works on: that of its key, if it has one. */
seawall_policy *policy_of(struct world *world, const json *step);
void advance(struct world *world, uint64_t nanos);

/* ---- words.c ---- */

/* A length with a unit as signed nanoseconds; 0 if it is none. */
int parse_length(const char *words, int64_t *nanos);
/* The length under `key`, or `otherwise`. */
uint64_t span_of(const json *step, const char *key, uint64_t otherwise);
int64_t hint_of(const json *step);
uint8_t outcome_of(const json *step, uint8_t otherwise);
uint64_t times_of(const json *step);
int flag_of(const json *step, const char *key, int otherwise);
seawall_str raw_of(const json *step, const char *key);
seawall_str to_str(const char *text);
/* A name of the library as text of ours. */
const char *to_text(seawall_str name);
void put(json *shown, const char *key, json *value);
void put_refusal(json *shown, seawall_status status, uint64_t retry_after);
/* What the library wrote, parsed, and freed. */
json *taken(seawall_text *text);

#endif
