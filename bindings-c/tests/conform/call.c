/* Whole calls: a driver that follows a script. */
#include "world.h"

#include <stdio.h>
#include <string.h>

/* What a scripted driver notes down. */
struct diary {
  json *slept, *limits, *queued_for;
  int64_t link;
  uint64_t waits;
};

static int gives_up(const json *step, uint64_t wait) {
  const json *number = json_get(step, "cancel_wait");
  return number && number->kind == JSON_NUMBER && (uint64_t)number->number == wait;
}

static int attempt(struct world *world, const json *step, seawall_call *call, seawall_step *next) {
  static const json plain = {.kind = JSON_TABLE};
  const json *script = json_get(step, "script"), *line = script ? script->first : &plain;
  uint32_t number = next->attempt;
  for (uint32_t i = 1; script && line && i < number; i++) line = line->next;
  if (!line) return fail(world, "the script has no attempt %u", number);
  const json *during = json_get(line, "during");
  if (during && !run_steps(world, during)) return 0;
  if (flag_of(line, "commit", 0)) seawall_call_commit(call);
  advance(world, span_of(line, "takes", 0));
  if (json_get(line, "cost") && seawall_call_settle_cost(call, raw_of(line, "cost")) != SEAWALL_OK)
    return fail(world, "the cost was not taken");
  const char *cancel = json_string(line, "cancel");
  seawall_status status =
      cancel ? seawall_call_cancelled(call, strcmp(cancel, "deadline") == 0, next)
             : seawall_call_done(call, number, outcome_of(line, SEAWALL_OUTCOME_SUCCESS), hint_of(line), next);
  return status == SEAWALL_OK ? 1 : fail(world, "report: status %d", (int)status);
}

static int wait_or_give_up(struct world *world, const json *step, seawall_call *call, seawall_step *next, struct diary *diary) {
  int queues = next->kind == SEAWALL_STEP_QUEUE;
  diary->waits++;
  if (queues) diary->queued_for = json_length(next->span, next->span != SEAWALL_NONE);
  if (gives_up(step, diary->waits)) return seawall_call_cancelled(call, 0, next) == SEAWALL_OK;
  if (next->span == SEAWALL_NONE) return fail(world, "the call queues without a limit and nobody leaves");
  if (!queues) json_append(diary->slept, json_length(next->span, 1));
  advance(world, next->span);
  return seawall_call_woke(call, next) == SEAWALL_OK;
}

/* Does what the step says and reports. */
static int follow(struct world *world, const json *step, seawall_call *call, seawall_step *next, struct diary *diary) {
  switch (next->kind) {
    case SEAWALL_STEP_RUN:
      json_append(diary->limits, json_length(next->span, next->span != SEAWALL_NONE));
      return attempt(world, step, call, next);
    case SEAWALL_STEP_WAIT:
    case SEAWALL_STEP_QUEUE:
      return wait_or_give_up(world, step, call, next, diary);
    case SEAWALL_STEP_LOOK_UP:
      return seawall_call_looked_up(call, (uint8_t)flag_of(json_get(step, "cache"), next->stale ? "stale" : "fresh", 0), next) ==
             SEAWALL_OK;
    case SEAWALL_STEP_FALL_BACK: {
      const json *list = json_get(step, "fallback"), *item = list ? list->first : NULL;
      for (uint32_t i = 0; item && i < next->index; i++) item = item->next;
      diary->link = next->index;
      return seawall_call_fell_back(call, item && item->kind == JSON_BOOL ? item->number != 0 : 1, next) == SEAWALL_OK;
    }
    default: return fail(world, "step of kind %d", next->kind);
  }
}

static json *name_or_null(seawall_str name) { return name.len ? json_text(to_text(name)) : json_make(JSON_NULL); }

static void show_call(const seawall_step *end, const struct diary *diary, json *shown) {
  static const char *const verdicts[] = {"?",         "settle",    "cached",            "fell_back",
                                         "refused",   "timed_out", "deadline_exceeded", "cancelled"};
  int is_stale = end->verdict == SEAWALL_VERDICT_CACHED && end->stale;
  put(shown, "verdict", json_text(is_stale ? "stale" : verdicts[end->verdict & 7]));
  put(shown, "outcome", name_or_null(seawall_outcome_name(end->outcome)));
  put(shown, "link", diary->link < 0 ? json_make(JSON_NULL) : json_number((double)diary->link));
  put(shown, "attempts", json_number(end->attempt));
  put(shown, "reason", name_or_null(seawall_stop_name(end->stop)));
  put(shown, "slept", diary->slept);
  put(shown, "limits", diary->limits);
  put(shown, "queued_for", diary->queued_for);
  put(shown, "elapsed", json_length(end->elapsed, 1));
  put(shown, "store", json_bool(end->cache & SEAWALL_CACHE_STORE));
  put(shown, "forget", json_bool(end->cache & SEAWALL_CACHE_FORGET));
  if (end->refusal) put_refusal(shown, end->refusal, end->retry_after);
  else put(shown, "refused", json_make(JSON_NULL));
}

/* The first step: past the stepper where the gate says so. */
static int begin(struct world *world, seawall_policy *policy, const json *step, seawall_call **call, seawall_step *next) {
  seawall_call_options options = {.size = sizeof options,
                                  .cached = json_get(step, "cache") != NULL,
                                  .deadline = span_of(step, "deadline", SEAWALL_NONE),
                                  .estimate = raw_of(step, "estimate")};
  int is_plain = !options.cached && options.deadline == SEAWALL_NONE && options.estimate.len == 0;
  uint64_t started = 0, pass = world->gate && is_plain ? seawall_policy_pass(policy, &started) : SEAWALL_ASK;
  if (pass == SEAWALL_ASK) {
    if (seawall_call_new(policy, &options, call) != SEAWALL_OK) return fail(world, "no call");
    return seawall_call_start(*call, next) == SEAWALL_OK ? 1 : fail(world, "no first step");
  }
  if (seawall_call_after_pass(policy, pass, started, &options, call) != SEAWALL_OK) return fail(world, "no call");
  next->kind = SEAWALL_STEP_RUN;
  next->attempt = 1;
  seawall_call_remaining(*call, &next->span);
  return 1;
}

int call_step(struct world *world, const json *step, json *shown) {
  const json *numbers = json_get(step, "rand");
  for (const json *number = numbers ? numbers->first : NULL; number; number = number->next)
    seawall_registry_script(world->registry, number->number);
  struct diary diary = {json_make(JSON_ARRAY), json_make(JSON_ARRAY), json_make(JSON_NULL), -1, 0};
  seawall_call *call = NULL;
  seawall_step next = {.size = sizeof next};
  int went = begin(world, policy_of(world, step), step, &call, &next);
  while (went && next.kind != SEAWALL_STEP_FINISH) went = follow(world, step, call, &next, &diary);
  if (went) show_call(&next, &diary, shown);
  else if (!world->reason[0]) fail(world, "a report was not taken");
  seawall_call_free(call);
  return went;
}
