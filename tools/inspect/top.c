/* asyncio top: a process as it goes on, once a second: in the terminal, where keys sort and open;
 * or as text, one page after the other. */
#include "../commands.h"
#include "page.h"
#include "screen.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SAMPLE 0.05 /* seconds, between two looks at who runs */

struct top {
    struct view view;
    struct watch watch;
    pid_t pid;
    int ended; /* a descriptor that is readable when the process has ended, or -1 */
    bool interactive;
    double delay;
    long left; /* pages still to be shown, or -1 */
    enum order order;
    uint64_t chosen, opened; /* types, or 0 */
    int skipped;             /* lines of the page, those that were scrolled away */
};

static double seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static bool has_ended(const struct top *t)
{
    struct pollfd p = {.fd = t->ended, .events = POLLIN};

    return t->ended < 0 ? kill(t->pid, 0) && errno == ESRCH : poll(&p, 1, 0) > 0;
}

/* --- Pages --- */

static struct group *group_of(const struct top *t, uint64_t type)
{
    for (size_t i = 0; type && i < t->watch.groups_count; i++) {
        if (t->watch.groups[i].type == type)
            return &t->watch.groups[i];
    }
    return NULL;
}

/* So that the line is on the screen, below those that stay. */
static void scroll_to(struct top *t, int line, int fixed)
{
    int room = screen_rows() - 1 - fixed, at = line - fixed;

    if (at >= t->skipped + room)
        t->skipped = at - room + 1;
    if (at < t->skipped)
        t->skipped = at < 0 ? 0 : at;
}

static int write_page(struct top *t, FILE *out)
{
    page_sort(&t->watch, t->order);
    const struct group *g = group_of(t, t->opened);
    if (g)
        return page_of_group(out, &t->view, g);
    t->opened = 0;
    if (t->interactive && !group_of(t, t->chosen) && t->watch.groups_count)
        t->chosen = t->watch.groups[0].type;
    return page_of_all(out, &t->view, &t->watch, t->chosen);
}

static int count_lines(const char *text)
{
    int n = 0;

    for (; *text; text++)
        n += *text == '\n';
    return n;
}

static void draw(struct top *t, const char *text, int line)
{
    static const char *const orders[] = {"count", "stack", "name", "longest wait"};
    char keys[120];
    int fixed = t->opened ? line : 1, last = count_lines(text) - (screen_rows() - 1);

    if (!t->opened)
        scroll_to(t, line, fixed);
    else if (t->skipped > last)
        t->skipped = last;
    t->skipped = t->skipped < 0 ? 0 : t->skipped;
    snprintf(keys, sizeof keys,
             "sorted by %s: c count  s stack  n name  w longest wait; up, down, Enter open; q quit",
             orders[t->order]);
    screen_draw(text, fixed, t->skipped, t->opened ? "up, down; Backspace back; q quit" : keys);
}

static void show(struct top *t)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        abort();
    int line = write_page(t, out);
    fclose(out);
    if (t->interactive)
        draw(t, text, line);
    else
        page_print(text);
    free(text);
}

static void look(struct top *t)
{
    t->view.stacks = t->opened != 0;
    view_look(&t->view);
    watch_snapshot(&t->watch, t->view.s);
}

/* --- Keys --- */

static void move(struct top *t, int by)
{
    struct group *g = group_of(t, t->chosen), *first = t->watch.groups;

    if (t->opened) {
        t->skipped += by;
        return;
    }
    if (!g)
        return;
    ptrdiff_t at = g - first + by, last = (ptrdiff_t)t->watch.groups_count - 1;
    t->chosen = first[at < 0 ? 0 : at > last ? last : at].type;
}

static void open_group(struct top *t, uint64_t type)
{
    if (type == t->opened)
        return;
    t->opened = type;
    t->skipped = 0;
    if (type)
        look(t);
}

/* False when it is time to go. */
static bool react(struct top *t, int key)
{
    int page = screen_rows() - 4;

    switch (key) {
    case 'q':
    case KEY_GONE:
        return false;
    case 'c':
        t->order = BY_COUNT;
        break;
    case 's':
        t->order = BY_STACK;
        break;
    case 'n':
        t->order = BY_NAME;
        break;
    case 'w':
        t->order = BY_WAIT;
        break;
    case KEY_UP:
        move(t, -1);
        break;
    case KEY_DOWN:
        move(t, 1);
        break;
    case KEY_PAGE_UP:
        move(t, -page);
        break;
    case KEY_PAGE_DOWN:
        move(t, page);
        break;
    case KEY_ENTER:
        open_group(t, t->chosen);
        break;
    case KEY_BACK:
        open_group(t, 0);
        break;
    default:
        break;
    }
    if (!has_ended(t))
        show(t);
    return true;
}

/* --- Going on --- */

static int wait_for_key(struct top *t, double seconds)
{
    struct pollfd p = {.fd = t->ended, .events = POLLIN};

    if (t->interactive)
        return screen_wait(seconds, t->ended);
    poll(&p, 1, (int)(seconds * 1e3) + 1);
    return KEY_NONE;
}

/* Until the next page is due, or the process has ended; false when it is time to go. */
static bool wait_and_sample(struct top *t)
{
    double now = seconds_now(), end = now + t->delay,
           sample = now + SAMPLE; /* until then it recovers from having been stopped */

    while (now < end && !has_ended(t)) {
        double until = sample < end ? sample : end;
        int key = until > now ? wait_for_key(t, until - now) : KEY_NONE;
        if (key != KEY_NONE && !react(t, key))
            return false;
        now = seconds_now();
        if (now >= sample) {
            watch_sample(&t->watch, t->view.s);
            sample = now + SAMPLE;
        }
    }
    return true;
}

/* True when the process has ended. */
static bool go_on(struct top *t)
{
    look(t);
    if (t->interactive && !has_ended(t))
        show(t);
    while (!has_ended(t) && t->left != 0) {
        if (!wait_and_sample(t))
            return false;
        look(t);
        if (has_ended(t))
            break;
        show(t);
        t->left -= t->left > 0;
        if (!t->interactive && t->left)
            putchar('\n');
    }
    return t->left != 0;
}

static int watch_process(struct top *t, const char *name)
{
    int status = view_find(&t->view, "asyncio top", name);

    if (status)
        return status;
    watch_begin(&t->watch);
    t->ended = (int)syscall(SYS_pidfd_open, t->pid, 0);
    t->interactive = t->interactive && screen_open();
    bool ended = go_on(t);
    if (t->interactive)
        screen_close();
    if (ended)
        fprintf(stderr, "asyncio top: process %d has ended\n", (int)t->pid);
    if (t->ended >= 0)
        close(t->ended);
    watch_end(&t->watch);
    return 0;
}

static int usage(void)
{
    fputs("Usage: asyncio top [--once] [-d SECONDS] [-n PAGES] PID\n", stderr);
    return 2;
}

/* False where it is no number in these bounds. */
static bool number(const char *text, double least, double most, double *to)
{
    char *end;

    *to = strtod(text, &end);
    return *text && !*end && *to >= least && *to <= most;
}

int top(int argc, char **argv)
{
    static const struct option options[] = {{"once", no_argument, NULL, 'o'}, {0}};
    struct top t = {.interactive = true, .delay = 1, .left = -1};
    double pages = -1, pid;
    int option;

    while ((option = getopt_long(argc, argv, "d:n:o", options, NULL)) >= 0) {
        if (option == '?' || (option == 'd' && !number(optarg, 0.01, 1e6, &t.delay)) ||
            (option == 'n' && !number(optarg, 1, 1e9, &pages)))
            return usage();
        if (option == 'o') {
            t.interactive = false;
            pages = 1;
        }
    }
    if (optind + 1 != argc || !number(argv[optind], 1, INT32_MAX, &pid))
        return usage();
    t.left = (long)pages;
    t.pid = (pid_t)pid;
    int status = watch_process(&t, argv[optind]);
    view_close(&t.view);
    return status;
}
