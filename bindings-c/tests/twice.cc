// The header from C++, and twice.
#include "seawall.h"
#include "seawall.h"

#include <cstdio>

static_assert(sizeof(seawall_step) == 96, "seawall_step");

int main() {
  seawall_registry *registry = nullptr;
  seawall_policy *policy = nullptr;
  seawall_text why = {nullptr, 0};
  if (seawall_registry_manual(1, &registry) != SEAWALL_OK) return 1;
  if (seawall_policy_new(registry, SEAWALL_STR("{\"breaker\":{}}"), &policy, &why) != SEAWALL_OK) return 2;
  uint8_t state = 99;
  if (seawall_breaker_state(policy, &state) != SEAWALL_OK || state != SEAWALL_STATE_CLOSED) return 3;
  seawall_policy_free(policy);
  seawall_registry_free(registry);
  std::puts("twice: 3 checks");
  return 0;
}
