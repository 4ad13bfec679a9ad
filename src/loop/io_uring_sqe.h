/* What the kernel is told of an operation: the submission of each opcode. */
#ifndef AI_LOOP_IO_URING_SQE_H
#define AI_LOOP_IO_URING_SQE_H

#include "loop/backend.h"

#include <liburing.h>

/* The ring's opcode for it, or -1 where the ring has none: it is performed by the call. */
int ai_sqe_opcode(const struct ai_op *op);

/* Fills in everything but the user data. */
void ai_sqe_prepare(struct io_uring_sqe *sqe, const struct ai_op *op);

#endif
