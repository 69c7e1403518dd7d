/* A policy whose state must be shared with the other processes of the host, on real files. */
#include "check.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char folder[256];

/* The one file of the folder, whatever its version; empty if there is none. */
static const char *segment(void) {
  static char path[sizeof folder + 32];
  path[0] = 0;
  DIR *files = opendir(folder);
  for (struct dirent *file; files != NULL && (file = readdir(files)) != NULL;)
    if (strncmp(file->d_name, "default.", 8) == 0)
      snprintf(path, sizeof path, "%s/%.20s", folder, file->d_name);
  if (files != NULL)
    closedir(files);
  return path;
}

/* However the test ends. */
static void cleared(void) {
  unlink(segment());
  rmdir(folder);
}

static seawall_status called(seawall_policy *policy, int *ran) {
  seawall_call *call = NULL;
  seawall_step step = {.size = sizeof step};
  CHECK_IS(seawall_call_new(policy, NULL, &call), SEAWALL_OK);
  CHECK_IS(seawall_call_start(call, &step), SEAWALL_OK);
  while (step.kind == SEAWALL_STEP_RUN) {
    ++*ran;
    CHECK_IS(seawall_call_done(call, step.attempt, SEAWALL_OUTCOME_SUCCESS, SEAWALL_NO_HINT, &step), SEAWALL_OK);
  }
  CHECK_IS(step.kind, SEAWALL_STEP_FINISH);
  if (step.verdict == SEAWALL_VERDICT_REFUSED) {
    seawall_text words = {NULL, 0};
    CHECK_IS(seawall_call_refusal(call, &words), SEAWALL_OK);
    CHECK(text_has(&words, "\"host_unavailable\"") && text_has(&words, "`chmod 0700` it") && text_has(&words, folder));
    seawall_text_free(&words);
  }
  seawall_call_free(call);
  return step.refusal;
}

int main(void) {
  const char *base = getenv("TMPDIR");
  int length = snprintf(folder, sizeof folder, "%s/seawall-c-host-XXXXXX", base != NULL && *base != 0 ? base : "/tmp");
  CHECK(length > 0 && length < (int)sizeof folder);
  CHECK(mkdtemp(folder) != NULL && chmod(folder, 0755) == 0);
  CHECK(atexit(cleared) == 0);
  seawall_registry *registry = new_registry();
  char toml[sizeof folder + 32];
  snprintf(toml, sizeof toml, "[host]\ndir = \"%s\"\n", folder);
  CHECK_IS(seawall_registry_load(registry, str(toml), SEAWALL_STR("host.toml"), NULL), SEAWALL_OK);
  seawall_policy *policy = new_policy(
      registry, "{\"name\":\"identity\",\"scope\":\"host\",\"host_required\":true,\"breaker\":{},\"bulkhead\":{\"limit\":2}}");
  int ran = 0;
  for (int i = 0; i < 2; i++) CHECK_IS(called(policy, &ran), SEAWALL_HOST_UNAVAILABLE);
  CHECK_IS(ran, 0);
  CHECK(str_is(seawall_status_name(SEAWALL_HOST_UNAVAILABLE), "host_unavailable"));
  seawall_shape shape = {.size = sizeof shape};
  CHECK_IS(seawall_policy_shape(policy, &shape), SEAWALL_OK);
  CHECK_IS(shape.moves, 1);

  seawall_text problem = {NULL, 0};
  CHECK_IS(seawall_policy_host_problem(policy, &problem), SEAWALL_OK);
  CHECK(text_has(&problem, "the segment's folder is open to others") && text_has(&problem, folder));
  seawall_text_free(&problem);
  uint64_t permit = 0;
  seawall_refusal refusal = {.size = sizeof refusal};
  CHECK_IS(seawall_breaker_acquire(policy, &permit, &refusal), SEAWALL_HOST_UNAVAILABLE);
  CHECK(refusal.status == SEAWALL_HOST_UNAVAILABLE && refusal.retry_after == SEAWALL_NONE);
  seawall_entry place = {.size = sizeof place};
  CHECK_IS(seawall_bulkhead_enter(policy, 0, &place, NULL), SEAWALL_HOST_UNAVAILABLE);
  seawall_policy *spend = new_policy(
      registry, "{\"name\":\"llm\",\"scope\":\"host\",\"cost\":{\"name\":\"spend\",\"limits\":{\"tokens\":10}}}");
  seawall_reservation *reservation = NULL;
  CHECK_IS(seawall_cost_check(spend, NULL), SEAWALL_HOST_UNAVAILABLE);
  CHECK_IS(seawall_cost_reserve(spend, SEAWALL_STR("{\"tokens\":1}"), &reservation, NULL), SEAWALL_HOST_UNAVAILABLE);
  CHECK(reservation == NULL);

  /* Mended, it is found within a second or two. */
  CHECK(chmod(folder, 0700) == 0);
  struct timespec pause = {0, 20 * 1000 * 1000};
  int tries = 0;
  while (called(policy, &ran) == SEAWALL_HOST_UNAVAILABLE) {
    CHECK(++tries < 150);
    nanosleep(&pause, NULL);
  }
  CHECK_IS(ran, 1);
  CHECK_IS(seawall_policy_host_problem(policy, &problem), SEAWALL_OK);
  CHECK_IS(problem.len, 0);
  seawall_text_free(&problem);
  seawall_policy_free(spend);
  seawall_policy_free(policy);
  seawall_registry_free(registry);
  CHECK(access(segment(), F_OK) == 0);
  return done("host");
}
