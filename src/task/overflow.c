/* Stack overflow: a task that ran into the guard of its stack is named before the program ends.
 *
 * A handler of SIGSEGV on a signal stack of the thread's own. What is no overflow of ours goes to
 * whatever handler was there before. */
#include "task/diagnose.h"
#include "task/task.h"
#include "task/thread.h"

#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

enum {
    SIGNAL_STACK = 64 << 10,
    FRAME = 1 << 20, /* the largest that is taken for one */
};

static struct sigaction before;
static atomic_flag installed = ATOMIC_FLAG_INIT;

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *format, ...)
{
    char line[1024];
    va_list args;

    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (n > 0 &&
        write(STDERR_FILENO, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1) < 0)
        return;
}

static void name_culprit(void)
{
    struct ai_task *task = ai_thread.task;
    size_t size = ai_thread.stacks.usable_size;
    char repr[512] = "";

    if (task)
        asyncio_repr(ai_handle(&task->root->object), repr, sizeof repr);
    say("asyncio: stack overflow in %s%s%s\n"
        "Its stack has %zu KiB. Set ASYNCIO_STACK_SIZE=%zu in the environment, or "
        "call "
        "asyncio_set_stack_size(%zu) before it is started.\n",
        task ? repr : "a coroutine", task && task->top != task->root ? ", in coroutine " : "",
        task && task->top != task->root ? task->top->object.type->name : "", size >> 10, size * 4,
        size * 4);
}

/* In a guard, or beyond the one of the running task: a large frame may step over it. */
static bool is_overflow(const char *address)
{
    struct ai_stack stack;
    const struct ai_task *task = ai_thread.task;

    if (ai_stack_guards(&ai_thread.stacks, address, &stack))
        return true;
    return task && address < task->stack.low && task->stack.low - address < FRAME;
}

static void on_fault(int signal, siginfo_t *info, void *context)
{
    if (ai_thread.begun && is_overflow(info->si_addr)) {
        name_culprit();
    } else if (before.sa_flags & SA_SIGINFO) {
        before.sa_sigaction(signal, info, context);
        return;
    } else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
        before.sa_handler(signal);
        return;
    }
    sigaction(signal, &(struct sigaction){.sa_handler = SIG_DFL},
              NULL); /* faults again, for good */
}

static void install(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};

    sigemptyset(&action.sa_mask);
    sigaction(SIGSEGV, &action, &before);
}

void ai_overflow_watch(void)
{
    stack_t now;

    if (sigaltstack(NULL, &now) == 0 && now.ss_flags & SS_DISABLE && !ai_thread.signal_stack &&
        (ai_thread.signal_stack = ai_allocate(SIGNAL_STACK)))
        sigaltstack(&(stack_t){.ss_sp = ai_thread.signal_stack, .ss_size = SIGNAL_STACK}, NULL);
    if (!atomic_flag_test_and_set(&installed))
        install();
}

void ai_overflow_unwatch(void)
{
    if (!ai_thread.signal_stack)
        return;
    sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, NULL);
    ai_deallocate(ai_thread.signal_stack, SIGNAL_STACK);
    ai_thread.signal_stack = NULL;
}
