/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker: a process that is a copy of this one and does jobs until its end of the line closes.
 */
#ifndef LODE_EXECUTOR_LOCAL_WORKER_H
#define LODE_EXECUTOR_LOCAL_WORKER_H

#include <lode/lode.h>

#include <sys/types.h>

/* What workers do; they know it, being copies. */
typedef struct Work {
  LodeJobFunc run;
  void *data;
  uint32_t n;
  GBytes *const *job; /* [n] */
} Work;

typedef struct Worker {
  pid_t pid; /* 0: not there */
  int fd;    /* of the line to it */
  bool busy; /* with `job` */
  uint32_t job;
} Worker;

/* Starts worker i of n; those that are there are of no concern to it. */
bool worker_start (Worker *, uint32_t i, uint32_t n, const Work *, GError **);
/* Gives it a job; that it is gone shows at worker_answer. */
void worker_give (Worker *, uint32_t job);

typedef enum { ANSWER_RESULT, ANSWER_ERROR, ANSWER_LOST } Answer;

/* Waits for the answer to the job given: its result (transfer full), its error, or that the worker
 * died, which takes it off. how: what it died of (transfer full). */
Answer worker_answer (Worker *, GBytes **result, GError **error, char **how);
/* Closes the line and waits for its end. */
void worker_end (Worker *);

#endif
