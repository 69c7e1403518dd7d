/* What the tests of the C interface share: a check that says where, and policies on a clock of their own. */
#ifndef SEAWALL_TESTS_CHECK_H
#define SEAWALL_TESTS_CHECK_H

#include "seawall.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int checks_made;

#define CHECK(condition)                                                        \
  do {                                                                          \
    checks_made++;                                                              \
    if (!(condition)) {                                                         \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);   \
      exit(1);                                                                  \
    }                                                                           \
  } while (0)

#define CHECK_IS(actual, expected)                                              \
  do {                                                                          \
    long long actual_ = (long long)(actual), expected_ = (long long)(expected); \
    checks_made++;                                                              \
    if (actual_ != expected_) {                                                 \
      fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__,      \
              #actual, actual_, expected_);                                     \
      exit(1);                                                                  \
    }                                                                           \
  } while (0)

#define MILLISECONDS UINT64_C(1000000)
#define SECONDS UINT64_C(1000000000)

static inline seawall_str str(const char *text) { return (seawall_str){text, strlen(text)}; }

static inline int str_is(seawall_str text, const char *expected) {
  return text.len == strlen(expected) && (text.len == 0 || memcmp(text.ptr, expected, text.len) == 0);
}

static inline int text_has(const seawall_text *text, const char *part) {
  return text->ptr != NULL && strstr(text->ptr, part) != NULL;
}

static inline seawall_registry *new_registry(void) {
  seawall_registry *registry = NULL;
  CHECK_IS(seawall_registry_manual(1, &registry), SEAWALL_OK);
  CHECK(registry != NULL);
  return registry;
}

static inline seawall_policy *new_policy(const seawall_registry *registry, const char *json) {
  seawall_policy *policy = NULL;
  seawall_text why = {NULL, 0};
  if (seawall_policy_new(registry, str(json), &policy, &why) != SEAWALL_OK) {
    fprintf(stderr, "policy: %s\n", why.ptr ? why.ptr : "?");
    exit(1);
  }
  return policy;
}

static inline int shows(const seawall_policy *policy, const char *part) {
  seawall_text json = {NULL, 0};
  CHECK_IS(seawall_policy_snapshot(policy, &json), SEAWALL_OK);
  int found = text_has(&json, part);
  if (!found) fprintf(stderr, "no %s in %s\n", part, json.ptr);
  seawall_text_free(&json);
  return found;
}

static inline seawall_step new_step(void) {
  seawall_step step;
  memset(&step, 0xA5, sizeof step);
  step.size = sizeof step;
  return step;
}

static inline int done(const char *name) {
  if (checks_made == 0) {
    fprintf(stderr, "%s: checked nothing\n", name);
    return 1;
  }
  printf("%s: %d checks\n", name, checks_made);
  return 0;
}

#endif
