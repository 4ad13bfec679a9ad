/* The library's own layout, and the note that leads to it: see layout.h. */
#include "inspect/layout.h"

#include "io/call.h"
#include "sync/lock.h"
#include "task/task.h"
#include "task/thread.h"

#if defined(AI_CONTEXT_UCONTEXT)
#define MACHINE AI_INSPECT_UNKNOWN
#elif defined(__x86_64__)
#define MACHINE AI_INSPECT_X86_64
#elif defined(__aarch64__)
#define MACHINE AI_INSPECT_AARCH64
#else
#define MACHINE AI_INSPECT_UNKNOWN
#endif

#define AT(type, member) offsetof(struct type, member)

__attribute__((used, visibility("hidden"))) const struct ai_inspect ai_inspect = {
    .magic = AI_INSPECT_MAGIC,
    .version = AI_INSPECT_VERSION,
    .size = sizeof(struct ai_inspect),
    .machine = MACHINE,
    .library = ASYNCIO_VERSION,
    .threads = &ai_threads,
    .call_step = (void (*)(void))ai_call_step,
    .lock_holder = (void (*)(void))ai_lock_holder,
    .thread = {.link = AT(ai_thread, link),
               .tid = AT(ai_thread, tid),
               .loop = AT(ai_thread, loop),
               .task = AT(ai_thread, task),
               .tasks = AT(ai_thread, tasks)},
    .loop = {.backend = AT(ai_loop, backend),
             .asked = AT(ai_loop, asked),
             .head = AT(ai_loop, ready.head),
             .tail = AT(ai_loop, ready.tail),
             .end = AT(ai_loop, ready.end),
             .polls = AT(ai_loop, polls),
             .submitted = AT(ai_loop, submitted)},
    .object = {.type = AT(ai_object, type),
               .handle = AT(ai_object, handle),
               .waiters = AT(ai_object, waiters),
               .state = AT(ai_object, state),
               .flags = AT(ai_object, flags),
               .tasks = AT(ai_object, tasks),
               .name = AT(ai_object, name),
               .pending = AI_PENDING,
               .done = AI_DONE,
               .is_task = AI_TASK},
    .type = {.name = AT(asyncio_awaitable_type, name),
             .file = AT(asyncio_awaitable_type, file),
             .line = AT(asyncio_awaitable_type, line),
             .kind = AT(asyncio_awaitable_type, kind),
             .await = AT(asyncio_awaitable_type, await),
             .step = AT(asyncio_awaitable_type, step),
             .holder = AT(asyncio_awaitable_type, holder),
             .waits = AT(asyncio_awaitable_type, waits),
             .stands_for = AT(asyncio_awaitable_type, stands_for)},
    .coroutine = {.task = AT(ai_coroutine, task),
                  .parent = AT(ai_coroutine, parent),
                  .place = AT(ai_coroutine, place)},
    .task = {.sp = AT(ai_task, context),
             .place = AT(ai_task, place),
             .waiting = AT(ai_task, waiting),
             .root = AT(ai_task, root),
             .top = AT(ai_task, top),
             .since = AT(ai_task, since),
             .low = AT(ai_task, stack.low),
             .high = AT(ai_task, stack.high),
             .size = sizeof(struct ai_task)},
    .place = {.file = AT(asyncio__place, file),
              .function = AT(asyncio__place, function),
              .line = AT(asyncio__place, line)},
    .caller = {.line = AT(ai_caller, line),
               .locked = AT(asyncio_lock, locked) - AT(asyncio_lock, line),
               .holder = AT(asyncio_lock, asyncio__holder) - AT(asyncio_lock, line)},
    .call = {.fd = AT(ai_call, op.fd)},
    .waits = {.form = AT(asyncio__waits, form),
              .depth = AT(asyncio__waits, depth),
              .through = AT(asyncio__waits, through),
              .at = AT(asyncio__waits, at),
              .count = AT(asyncio__waits, count),
              .stride = AT(asyncio__waits, stride),
              .object = AT(asyncio__waits, object)},
};

/* namesz, descsz, type, name, descriptor. */
__asm__(".pushsection .note.asyncio, \"a\", %note\n"
        ".balign 4\n"
        ".long 8, 8, 1\n"
        ".asciz \"" AI_INSPECT_MAGIC "\"\n"
        "0: .quad ai_inspect - 0b\n"
        ".popsection\n");
