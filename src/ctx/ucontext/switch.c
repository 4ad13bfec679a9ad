/* The portable switch: ucontext, at the price of a system call for the signal mask each time. */
#include "ctx/context.h"

#include <stdint.h>

/* makecontext() passes ints. */
static void begin(unsigned entry_high, unsigned entry_low, unsigned arg_high, unsigned arg_low)
{
    uintptr_t entry = (uintptr_t)((uint64_t)entry_high << 32 | entry_low);
    uintptr_t arg = (uintptr_t)((uint64_t)arg_high << 32 | arg_low);

    ((void (*)(void *))entry)((void *)arg);
}

void ai_machine_init(struct ai_context *c, void *low, void *high, void (*entry)(void *), void *arg)
{
    uint64_t e = (uintptr_t)entry, a = (uintptr_t)arg;

    getcontext(&c->machine);
    c->machine.uc_stack.ss_sp = low;
    c->machine.uc_stack.ss_size = (size_t)((char *)high - (char *)low);
    c->machine.uc_link = NULL;
    makecontext(&c->machine, (void (*)(void))begin, 4, (unsigned)(e >> 32), (unsigned)e,
                (unsigned)(a >> 32), (unsigned)a);
}

void ai_machine_switch(struct ai_context *from, struct ai_context *to)
{
    swapcontext(&from->machine, &to->machine);
}

void ai_machine_leave(struct ai_context *to)
{
    setcontext(&to->machine);
}
