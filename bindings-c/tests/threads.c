/* One policy, many threads: permits never exceed the limit, and a call is safe to misuse at once. */
#include "check.h"

#include <pthread.h>
#include <stdatomic.h>

enum { THREADS = 4, ROUNDS = 2000, LIMIT = 2 };

static atomic_int inside, most, ran;

static void *worker(void *argument) {
  const seawall_policy *policy = argument;
  for (int round = 0; round < ROUNDS; round++) {
    seawall_call *call = NULL;
    seawall_step step = new_step();
    if (seawall_call_new(policy, NULL, &call) != SEAWALL_OK) abort();
    seawall_call_start(call, &step);
    if (step.kind == SEAWALL_STEP_RUN) {
      int now = atomic_fetch_add(&inside, 1) + 1, seen = atomic_load(&most);
      while (now > seen && !atomic_compare_exchange_weak(&most, &seen, now)) {
      }
      atomic_fetch_add(&ran, 1);
      atomic_fetch_sub(&inside, 1);
      seawall_call_done(call, step.attempt, SEAWALL_OUTCOME_SUCCESS, SEAWALL_NO_HINT, &step);
    }
    if (step.kind != SEAWALL_STEP_FINISH) abort();
    seawall_call_free(call);
  }
  return NULL;
}

struct shared {
  seawall_call *call;
  atomic_int accepted;
};

static void *reporter(void *argument) {
  struct shared *shared = argument;
  seawall_step step = new_step();
  if (seawall_call_done(shared->call, 1, SEAWALL_OUTCOME_SUCCESS, SEAWALL_NO_HINT, &step) == SEAWALL_OK)
    atomic_fetch_add(&shared->accepted, 1);
  return NULL;
}

int main(void) {
  seawall_registry *registry = new_registry();
  seawall_policy *policy = new_policy(registry, "{\"bulkhead\":{\"limit\":2},\"breaker\":{}}");
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) CHECK_IS(pthread_create(&threads[i], NULL, worker, policy), 0);
  for (int i = 0; i < THREADS; i++) CHECK_IS(pthread_join(threads[i], NULL), 0);
  CHECK(atomic_load(&most) >= 1 && atomic_load(&most) <= LIMIT);
  CHECK(atomic_load(&ran) >= ROUNDS);
  CHECK(shows(policy, "\"in_use\":0"));

  struct shared shared = {NULL, 0};
  seawall_step step = new_step();
  CHECK_IS(seawall_call_new(policy, NULL, &shared.call), SEAWALL_OK);
  CHECK_IS(seawall_call_start(shared.call, &step), SEAWALL_OK);
  for (int i = 0; i < THREADS; i++) CHECK_IS(pthread_create(&threads[i], NULL, reporter, &shared), 0);
  for (int i = 0; i < THREADS; i++) CHECK_IS(pthread_join(threads[i], NULL), 0);
  CHECK_IS(atomic_load(&shared.accepted), 1);
  seawall_call_free(shared.call);
  seawall_policy_free(policy);
  seawall_registry_free(registry);
  return done("threads");
}
