/* SIGPIPE: ignored while any runner has a loop, so that who writes to what nobody reads is told by
 * -EPIPE. (Python ignores it for the whole of the process.) See broken_pipe.c. */
#ifndef AI_TASK_BROKEN_PIPE_H
#define AI_TASK_BROKEN_PIPE_H

#include <stdbool.h>

/* Where the program has left it at its default. */
void ai_broken_pipe_begin(void);

/* As often as it was begun: the last one puts it back, unless the program has set it meanwhile. */
void ai_broken_pipe_end(void);

void ai_broken_pipe_before_fork(void);
void ai_broken_pipe_after_fork(bool child);

#endif
