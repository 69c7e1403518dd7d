#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct block { struct block *before; max_align_t space[]; };

static struct block *blocks;

void *json_keep(size_t size) {
  struct block *block = calloc(1, sizeof *block + size);
  if (!block) abort();
  block->before = blocks;
  blocks = block;
  return block->space;
}

void json_forget(void) {
  while (blocks) {
    struct block *before = blocks->before;
    free(blocks);
    blocks = before;
  }
}

json *json_make(json_kind kind) {
  json *value = json_keep(sizeof *value);
  value->kind = kind;
  return value;
}

json *json_text(const char *string) {
  if (!string) return json_make(JSON_NULL);
  json *value = json_make(JSON_STRING);
  char *copy = json_keep(strlen(string) + 1);
  strcpy(copy, string);
  value->string = copy;
  return value;
}

json *json_number(double number) {
  json *value = json_make(JSON_NUMBER);
  value->number = number;
  return value;
}

json *json_bool(int is) {
  json *value = json_make(JSON_BOOL);
  value->number = is != 0;
  return value;
}

json *json_length(uint64_t nanos, int is_known) {
  json *value = json_make(is_known ? JSON_LENGTH : JSON_NULL);
  value->nanos = nanos > INT64_MAX ? INT64_MAX : (int64_t)nanos;
  return value;
}

void json_append(json *list, json *value) {
  if (list->last) list->last->next = value;
  else list->first = value;
  list->last = value;
}

const json *json_get(const json *table, const char *key) {
  if (!table || table->kind != JSON_TABLE) return NULL;
  for (const json *member = table->first; member; member = member->next)
    if (strcmp(member->key, key) == 0) return member;
  return NULL;
}

const char *json_string(const json *table, const char *key) {
  const json *value = json_get(table, key);
  return value && value->kind == JSON_STRING ? value->string : NULL;
}

/* ---- reading ---- */

struct reader { const char *at, *end; int is_bad; };

static void blank(struct reader *r) {
  while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\t' || *r->at == '\r')) r->at++;
}

static int take(struct reader *r, char wanted) {
  blank(r);
  if (r->at < r->end && *r->at == wanted) return r->at++, 1;
  return 0;
}

static unsigned hex4(struct reader *r) {
  unsigned code = 0;
  for (int i = 0; i < 4; i++) {
    char c = r->at < r->end ? *r->at++ : 'x';
    if (c >= '0' && c <= '9') code = code * 16 + (unsigned)(c - '0');
    else if (c >= 'a' && c <= 'f') code = code * 16 + (unsigned)(c - 'a' + 10);
    else if (c >= 'A' && c <= 'F') code = code * 16 + (unsigned)(c - 'A' + 10);
    else r->is_bad = 1;
  }
  return code;
}

static char *utf8(char *to, unsigned code) {
  if (code < 0x80) {
    *to++ = (char)code;
  } else if (code < 0x800) {
    *to++ = (char)(0xC0 | code >> 6);
    *to++ = (char)(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    *to++ = (char)(0xE0 | code >> 12);
    *to++ = (char)(0x80 | (code >> 6 & 0x3F));
    *to++ = (char)(0x80 | (code & 0x3F));
  } else {
    *to++ = (char)(0xF0 | code >> 18);
    *to++ = (char)(0x80 | (code >> 12 & 0x3F));
    *to++ = (char)(0x80 | (code >> 6 & 0x3F));
    *to++ = (char)(0x80 | (code & 0x3F));
  }
  return to;
}

static const char *string(struct reader *r) {
  if (!take(r, '"')) return r->is_bad = 1, "";
  const char *close = r->at;
  while (close < r->end && *close != '"') close += *close == '\\' ? 2 : 1;
  if (close >= r->end) return r->is_bad = 1, "";
  /* What is decoded is never longer than what was written. */
  char *start = json_keep((size_t)(close - r->at) + 1), *to = start;
  while (r->at < r->end && *r->at != '"') {
    char c = *r->at++;
    if (c != '\\') {
      *to++ = c;
      continue;
    }
    c = r->at < r->end ? *r->at++ : 'x';
    switch (c) {
      case 'n': *to++ = '\n'; break;
      case 't': *to++ = '\t'; break;
      case 'r': *to++ = '\r'; break;
      case 'b': *to++ = '\b'; break;
      case 'f': *to++ = '\f'; break;
      case '"': case '\\': case '/': *to++ = c; break;
      case 'u': {
        unsigned code = hex4(r);
        if (code >= 0xD800 && code < 0xDC00 && r->end - r->at >= 6 && r->at[0] == '\\' && r->at[1] == 'u') {
          r->at += 2;
          code = 0x10000 + ((code - 0xD800) << 10) + (hex4(r) - 0xDC00);
        }
        to = utf8(to, code);
        break;
      }
      default: r->is_bad = 1;
    }
  }
  if (!take(r, '"')) r->is_bad = 1;
  *to = 0;
  return start;
}

static json *value(struct reader *r, int depth);

static json *members(struct reader *r, int depth, json_kind kind, char close) {
  json *list = json_make(kind);
  if (take(r, close)) return list;
  do {
    const char *key = NULL;
    if (kind == JSON_TABLE) {
      key = string(r);
      if (!take(r, ':')) r->is_bad = 1;
    }
    json *member = value(r, depth + 1);
    member->key = key;
    json_append(list, member);
  } while (!r->is_bad && take(r, ','));
  if (!take(r, close)) r->is_bad = 1;
  return list;
}

static json *word(struct reader *r, const char *expected, json *made) {
  size_t len = strlen(expected);
  if ((size_t)(r->end - r->at) < len || memcmp(r->at, expected, len) != 0) r->is_bad = 1;
  else r->at += len;
  return made;
}

static json *value(struct reader *r, int depth) {
  blank(r);
  const char *start = r->at;
  json *made;
  char c = r->at < r->end ? *r->at : 0;
  if (depth > 64) r->is_bad = 1;
  if (r->is_bad) return json_make(JSON_NULL);
  if (c == '{') made = (r->at++, members(r, depth, JSON_TABLE, '}'));
  else if (c == '[') made = (r->at++, members(r, depth, JSON_ARRAY, ']'));
  else if (c == '"') (made = json_make(JSON_STRING))->string = string(r);
  else if (c == 't') made = word(r, "true", json_bool(1));
  else if (c == 'f') made = word(r, "false", json_bool(0));
  else if (c == 'n') made = word(r, "null", json_make(JSON_NULL));
  else {
    char digits[64] = {0}, *end;
    size_t len = strspn(r->at, "+-0123456789.eE");
    memcpy(digits, r->at, len < 63 ? len : 63);
    made = json_number(strtod(digits, &end));
    if (len == 0 || *end) r->is_bad = 1;
    r->at += len;
  }
  made->raw = start;
  made->raw_len = (size_t)(r->at - start);
  return made;
}

json *json_parse(const char *text, size_t len) {
  char *copy = json_keep(len + 1); /* with a zero byte, which strspn and strcspn rely on */
  memcpy(copy, text, len);
  struct reader r = {copy, copy + len, 0};
  json *made = value(&r, 0);
  blank(&r);
  return r.is_bad || r.at != r.end ? NULL : made;
}
