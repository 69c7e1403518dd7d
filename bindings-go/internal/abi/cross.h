/* What is asked for each call: each question with its answer in one piece, which holds no address of Go's
 * memory, so that it can be asked as crossing_*.go say. */
#include "seawall.h"

typedef struct {
  const seawall_policy *policy;
  seawall_admission admission;
  seawall_refusal refusal;
  seawall_status status;
  // Now and then: to look where calls pass.
  uint8_t looks;
} cross_admit;

void seawall_go_admit(void *question);

typedef struct {
  const seawall_policy *policy;
  seawall_admission admission;
  uint64_t tickets[4];
  size_t count;
} cross_dismiss;

void seawall_go_dismiss(void *question);

typedef struct {
  const seawall_policy *policy;
  uint64_t pass;
  uint32_t line;
} cross_report;

void seawall_go_report(void *question);

typedef struct {
  const seawall_policy *policy;
  uint32_t gate;
} cross_judge;

void seawall_go_judge(void *question);

typedef struct {
  const seawall_policy *policy;
  const seawall_ending *ending;
  uint64_t pass;
  uint8_t ended;
} cross_end;

void seawall_go_end(void *question);
