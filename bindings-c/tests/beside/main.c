/* Two Rust static libraries in one program. */
#include "seawall.h"

#include <stdio.h>

int other_library_answer(void);

int main(void) {
  seawall_registry *registry = NULL;
  if (other_library_answer() != 42) return 1;
  if (seawall_registry_manual(1, &registry) != SEAWALL_OK) return 2;
  seawall_registry_free(registry);
  if (other_library_answer() != 42) return 3;
  puts("beside: 3 checks");
  return 0;
}
