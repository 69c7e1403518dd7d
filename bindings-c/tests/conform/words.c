/* Reading the words of a vector, and comparing what it expects with what there is. */
#include "world.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int fail(struct world *world, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(world->reason, sizeof world->reason, format, arguments);
  va_end(arguments);
  return 0;
}

int parse_length(const char *words, int64_t *nanos) {
  static const struct { const char *name; double size; } units[] = {
      {"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}};
  char *unit;
  double number = strtod(words, &unit);
  if (unit == words) return 0;
  for (size_t i = 0; i < sizeof units / sizeof *units; i++)
    if (strcmp(unit, units[i].name) == 0) return *nanos = (int64_t)llround(number * units[i].size), 1;
  return 0;
}

uint64_t span_of(const json *step, const char *key, uint64_t otherwise) {
  const char *words = json_string(step, key);
  int64_t nanos;
  if (!words || !parse_length(words, &nanos)) return otherwise;
  return nanos > 0 ? (uint64_t)nanos : 0;
}

int64_t hint_of(const json *step) {
  const char *words = json_string(step, "hint");
  int64_t nanos;
  return words && parse_length(words, &nanos) ? nanos : SEAWALL_NO_HINT;
}

uint8_t outcome_of(const json *step, uint8_t otherwise) {
  const char *name = json_string(step, "outcome");
  uint8_t outcome = otherwise;
  if (name) seawall_outcome_parse(to_str(name), &outcome);
  return outcome;
}

uint64_t times_of(const json *step) {
  const json *times = json_get(step, "times");
  return times && times->kind == JSON_NUMBER ? (uint64_t)times->number : 1;
}

int flag_of(const json *step, const char *key, int otherwise) {
  const json *flag = json_get(step, key);
  return flag && flag->kind == JSON_BOOL ? flag->number != 0 : otherwise;
}

seawall_str raw_of(const json *step, const char *key) {
  const json *value = json_get(step, key);
  return value ? (seawall_str){value->raw, value->raw_len} : (seawall_str){NULL, 0};
}

seawall_str to_str(const char *text) { return (seawall_str){text, strlen(text)}; }

const char *to_text(seawall_str name) {
  char *text = json_keep(name.len + 1);
  memcpy(text, name.ptr, name.len);
  return text;
}

void put(json *shown, const char *key, json *value) {
  value->key = key;
  value->next = NULL;
  json_append(shown, value);
}

void put_refusal(json *shown, seawall_status status, uint64_t retry_after) {
  put(shown, "refused", json_text(to_text(seawall_status_name(status))));
  put(shown, "retry_after", json_length(retry_after, retry_after != SEAWALL_NONE));
}

json *taken(seawall_text *text) {
  json *value = text->ptr ? json_parse(text->ptr, text->len) : NULL;
  seawall_text_free(text);
  return value;
}

/* ---- comparing ---- */

static int equal(const json *wanted, const json *shown) {
  static const json nothing = {.kind = JSON_NULL};
  if (!shown) shown = &nothing;
  int64_t a, b;
  if (wanted->kind == JSON_STRING && shown->kind == JSON_LENGTH)
    return parse_length(wanted->string, &a) && a == shown->nanos;
  if (wanted->kind != shown->kind) return 0;
  switch (wanted->kind) {
    case JSON_NULL: return 1;
    case JSON_BOOL: return wanted->number == shown->number;
    case JSON_NUMBER: return fabs(wanted->number - shown->number) <= 1e-6;
    case JSON_STRING:
      return strcmp(wanted->string, shown->string) == 0 ||
             (parse_length(wanted->string, &a) && parse_length(shown->string, &b) && a == b);
    case JSON_TABLE: /* only what is asked for; what is absent is no value */
      for (const json *member = wanted->first; member; member = member->next)
        if (!equal(member, json_get(shown, member->key))) return 0;
      return 1;
    case JSON_ARRAY: {
      const json *other = shown->first;
      for (const json *item = wanted->first; item; item = item->next, other = other->next)
        if (!other || !equal(item, other)) return 0;
      return other == NULL;
    }
    default: return 0;
  }
}

static void print(const json *value, char *to, size_t room) {
  size_t used = strlen(to);
  to += used;
  room -= used;
  switch (value->kind) {
    case JSON_NULL: snprintf(to, room, "null"); break;
    case JSON_BOOL: snprintf(to, room, value->number != 0 ? "true" : "false"); break;
    case JSON_NUMBER: snprintf(to, room, "%g", value->number); break;
    case JSON_STRING: snprintf(to, room, "\"%s\"", value->string); break;
    case JSON_LENGTH: snprintf(to, room, "%lldns", (long long)value->nanos); break;
    default:
      snprintf(to, room, value->kind == JSON_ARRAY ? "[" : "{");
      for (const json *item = value->first; item && strlen(to) + 80 < room; item = item->next) {
        if (item->key) snprintf(to + strlen(to), room - strlen(to), "%s: ", item->key);
        print(item, to, room);
        if (item->next) snprintf(to + strlen(to), room - strlen(to), ", ");
      }
      snprintf(to + strlen(to), room - strlen(to), value->kind == JSON_ARRAY ? "]" : "}");
  }
}

/* Every expected key must be shown and equal; of a key shown twice the first counts. */
int check(struct world *world, const json *expected, const json *shown) {
  for (const json *wanted = expected->first; wanted; wanted = wanted->next) {
    const json *value = json_get(shown, wanted->key);
    if (!value) return fail(world, "nothing here shows `%s`", wanted->key);
    if (!equal(wanted, value)) {
      char found[200] = "";
      print(value, found, sizeof found);
      return fail(world, "%s: expected %.*s, found %s", wanted->key, (int)(wanted->raw_len < 120 ? wanted->raw_len : 120),
                  wanted->raw, found);
    }
  }
  return 1;
}
