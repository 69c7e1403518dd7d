#include "cross.h"

void seawall_go_admit(void *question) {
  cross_admit *q = question;
  q->status = seawall_policy_admit(q->policy, &q->admission, &q->refusal);
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
