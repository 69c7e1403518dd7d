/* As much JSON as vectors and snapshots need: a tree that remembers where in the text a value stands. */
#ifndef SEAWALL_CONFORM_JSON_H
#define SEAWALL_CONFORM_JSON_H

#include <stddef.h>
#include <stdint.h>

typedef enum { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_TABLE, JSON_LENGTH } json_kind;

typedef struct json {
  json_kind kind;
  const char *key;      /* of a member of a table */
  const char *string;   /* of a string */
  double number;        /* of a number; of a bool 0 or 1 */
  int64_t nanos;        /* of a length, which only our side makes */
  struct json *first, *next, *last;
  const char *raw;      /* the value as it stands in the text */
  size_t raw_len;
} json;

/* NULL if the text is no JSON. All of it lives until json_forget. */
json *json_parse(const char *text, size_t len);
json *json_make(json_kind kind);
json *json_text(const char *string);
json *json_number(double number);
json *json_bool(int is);
json *json_length(uint64_t nanos, int is_known);
void json_append(json *list, json *value);
void json_forget(void);
/* Memory that lives until json_forget. */
void *json_keep(size_t size);

/* NULL where there is none. */
const json *json_get(const json *table, const char *key);
const char *json_string(const json *table, const char *key);

#endif
