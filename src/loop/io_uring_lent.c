/* See io_uring_lent.h. The memory is touched as far as messages reach into it. */
#include "loop/io_uring_lent.h"

#include "base/alloc.h"

#include <errno.h>

enum {
    RING_BYTES = AI_LENT_COUNT * sizeof(struct io_uring_buf),
    BYTES = AI_LENT_COUNT * AI_LENT_SIZE,
    PAGE = 4096,
};

static int register_ring(struct ai_lent *lent, struct io_uring *uring)
{
    struct io_uring_buf_reg reg = {
        .ring_addr = (uintptr_t)lent->ring,
        .ring_entries = AI_LENT_COUNT,
        .bgid = AI_LENT_GROUP,
    };
    return io_uring_register_buf_ring(uring, &reg, 0);
}

static void give(struct ai_lent *lent, unsigned id, int place)
{
    io_uring_buf_ring_add(lent->ring, ai_lent_buffer(lent, id), AI_LENT_SIZE, (unsigned short)id,
                          io_uring_buf_ring_mask(AI_LENT_COUNT), place);
}

int ai_lent_open(struct ai_lent *lent, struct io_uring *uring)
{
    lent->ring = ai_allocate_chunk(PAGE, RING_BYTES);
    lent->memory = lent->ring != NULL ? ai_allocate_chunk(PAGE, BYTES) : NULL;
    int error = lent->memory != NULL ? register_ring(lent, uring) : -ENOMEM;
    if (error != 0) {
        ai_lent_close(lent);
        return error;
    }
    io_uring_buf_ring_init(lent->ring);
    for (int i = 0; i < AI_LENT_COUNT; i++)
        give(lent, (unsigned)i, i);
    io_uring_buf_ring_advance(lent->ring, AI_LENT_COUNT);
    return 0;
}

/* After the ring's own end, or before it was told. */
void ai_lent_close(struct ai_lent *lent)
{
    if (lent->memory != NULL)
        ai_deallocate_chunk(lent->memory, BYTES);
    if (lent->ring != NULL)
        ai_deallocate_chunk(lent->ring, RING_BYTES);
    *lent = (struct ai_lent){0};
}

char *ai_lent_buffer(const struct ai_lent *lent, unsigned id)
{
    return lent->memory + (size_t)id * AI_LENT_SIZE;
}

void ai_lent_give_back(struct ai_lent *lent, unsigned id)
{
    give(lent, id, 0);
    io_uring_buf_ring_advance(lent->ring, 1);
}
