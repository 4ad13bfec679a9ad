/* The library's lock, broken on purpose: that the explorer finds it is tested too. BROKEN says how:
 *   BARGING      it is taken though others stand in line
 *   FORGETFUL    a waiter that is cancelled after it was called passes its call on to nobody */
#include "sync/line.h"

#if defined(BARGING)
#define ai_line_is_waited_in(line) ((void)(line), false)
#elif defined(FORGETFUL)
static bool leave_forgetfully(struct ai_caller *c, bool cancelled);
static struct ai_caller *first_unless_forgotten(const struct asyncio__line *line);
#define ai_line_leave leave_forgetfully
#define ai_line_first first_unless_forgotten
#endif

#include "sync/lock.c"

#ifdef FORGETFUL
#undef ai_line_leave
#undef ai_line_first

static bool forgets;

static bool leave_forgetfully(struct ai_caller *c, bool cancelled)
{
    return forgets = ai_line_leave(c, cancelled);
}

static struct ai_caller *first_unless_forgotten(const struct asyncio__line *line)
{
    bool forgotten = forgets;

    forgets = false;
    return forgotten ? NULL : ai_line_first(line);
}
#endif
