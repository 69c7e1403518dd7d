#include "cross.h"

// One question in 256 by chance: of a count that all policies of a thread share, those who are asked in turn
// might never get the last. The factors are those of Numerical Recipes, whose upper bits are the good ones.
static uint8_t now_and_then(void) {
  static _Thread_local uint32_t chance;
  chance = chance * 1664525u + 1013904223u;
  return chance >> 24 == 0;
}

void seawall_go_admit(void *question) {
  cross_admit *q = question;
  q->status = seawall_policy_admit(q->policy, &q->admission, &q->refusal);
  q->looks = now_and_then();
}

void seawall_go_dismiss(void *question) {
  cross_dismiss *q = question;
  seawall_policy_dismiss(q->policy, &q->admission, q->tickets, sizeof q->tickets / sizeof *q->tickets, &q->count);
}

void seawall_go_report(void *question) {
  cross_report *q = question;
  seawall_policy_report(q->policy, q->pass, q->line);
}

void seawall_go_judge(void *question) {
  cross_judge *q = question;
  seawall_policy_judge(q->policy, q->gate);
}

void seawall_go_end(void *question) {
  cross_end *q = question;
  q->ended = seawall_policy_end(q->policy, q->pass, q->ending);
}
