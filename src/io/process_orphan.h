/* Processes that outlive their loop. */
#ifndef AI_IO_PROCESS_ORPHAN_H
#define AI_IO_PROCESS_ORPHAN_H

/* Takes over the descriptor of a process, in the loop's end. */
void ai_orphan_adopt(int pidfd);

/* Leaves those that were adopted on this thread to themselves. */
void ai_orphans_leave(void);

#endif
