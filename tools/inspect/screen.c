#include "screen.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

static struct {
    struct termios before;
    sigset_t blocked_before;
    int signals; /* a signalfd */
    bool colours;
    char keys[64]; /* read and not yet given */
    size_t at, count;
} screen;

/* --- Taking the terminal, and giving it back --- */

static void say(const char *sequence)
{
    fputs(sequence, stdout);
    fflush(stdout);
}

/* Without echo, key by key; ^C and ^Z stay signals. */
static void enter(void)
{
    struct termios now = screen.before;

    now.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    now.c_cc[VMIN] = 0;
    now.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSADRAIN, &now);
    say("\33[?1049h\33[?25l\33[?7l"); /* the other screen, no cursor, no wrapping */
}

static void leave(void)
{
    say("\33[?7h\33[?25h\33[?1049l");
    tcsetattr(STDIN_FILENO, TCSADRAIN, &screen.before);
}

bool screen_open(void)
{
    static const int watched[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH};
    sigset_t set;

    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &screen.before))
        return false;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++)
        sigaddset(&set, watched[i]);
    screen.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (screen.signals < 0)
        return false;
    sigprocmask(SIG_BLOCK, &set, &screen.blocked_before);
    const char *none = getenv("NO_COLOR");
    screen.colours = !none || !*none;
    enter();
    return true;
}

void screen_close(void)
{
    leave();
    close(screen.signals);
    sigprocmask(SIG_SETMASK, &screen.blocked_before, NULL);
}

static struct winsize size(void)
{
    struct winsize w = {0};

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) || !w.ws_row || !w.ws_col)
        return (struct winsize){.ws_row = 24, .ws_col = 80};
    return w;
}

int screen_rows(void)
{
    return size().ws_row;
}

/* --- Drawing --- */

static const char *look_of(char style)
{
    switch (style) {
    case HEADS:
        return "\33[1m";
    case CHOSEN:
        return "\33[7m";
    case ALARM:
        return screen.colours ? "\33[31m" : "\33[1m";
    default:
        return "";
    }
}

/* So many bytes of the line are that many characters, or fewer. */
static int bytes_of(const char *line, int length, int characters)
{
    int n = 0;

    while (n < length && (characters > 0 || (line[n] & 0xc0) == 0x80))
        characters -= (line[n++] & 0xc0) != 0x80;
    return n;
}

static void draw_line(char style, const char *line, int length, int columns)
{
    printf("%s%.*s\33[K\33[0m\n", look_of(style), bytes_of(line, length, columns), line);
}

void screen_draw(const char *text, int fixed, int skipped, const char *keys)
{
    struct winsize w = size();
    int row = 0;

    fputs("\33[H", stdout);
    for (int i = 0; *text && row < w.ws_row - 1; i++) {
        int length = (int)strcspn(text, "\n");
        if (length > 0 && (i < fixed || i >= fixed + skipped)) {
            draw_line(*text, text + 1, length - 1, w.ws_col);
            row++;
        }
        text += length + (text[length] == '\n');
    }
    printf("\33[J\33[%d;1H\33[2m%.*s\33[0m", w.ws_row, bytes_of(keys, (int)strlen(keys), w.ws_col),
           keys);
    fflush(stdout);
}

/* --- Keys --- */

static void suspend(void)
{
    leave();
    raise(SIGSTOP);
    enter();
}

/* Ends the program as if nothing had been done about the signal. */
static int end_by(int signal_)
{
    screen_close();
    signal(signal_, SIG_DFL);
    raise(signal_);
    return KEY_GONE;
}

static int signal_came(void)
{
    struct signalfd_siginfo info;

    if (read(screen.signals, &info, sizeof info) != sizeof info)
        return KEY_NONE;
    if (info.ssi_signo == SIGTSTP)
        suspend();
    else if (info.ssi_signo != SIGWINCH)
        return end_by((int)info.ssi_signo);
    return KEY_RESIZE;
}

/* A key is a character or a sequence of them, which comes as a whole. */
static int next_key(void)
{
    static const struct {
        const char *sequence;
        int key;
    } special[] = {
        {"\33[A", KEY_UP},    {"\33OA", KEY_UP},       {"\33[B", KEY_DOWN},
        {"\33OB", KEY_DOWN},  {"\33[5~", KEY_PAGE_UP}, {"\33[6~", KEY_PAGE_DOWN},
        {"\33[D", KEY_BACK},  {"\33OD", KEY_BACK},     {"\33[C", KEY_ENTER},
        {"\33OC", KEY_ENTER}, {"\n", KEY_ENTER},       {"\r", KEY_ENTER},
        {"\177", KEY_BACK},   {"\b", KEY_BACK},        {"k", KEY_UP},
        {"j", KEY_DOWN},
    };
    const char *keys = screen.keys + screen.at;
    size_t left = screen.count - screen.at;

    for (size_t i = 0; i < sizeof special / sizeof *special; i++) {
        size_t n = strlen(special[i].sequence);
        if (n <= left && memcmp(keys, special[i].sequence, n) == 0) {
            screen.at += n;
            return special[i].key;
        }
    }
    bool unknown = *keys == '\33' && left > 1;
    screen.at += unknown ? left : 1;
    return unknown ? KEY_NONE : *keys == '\33' ? KEY_BACK : (unsigned char)*keys;
}

static int keys_came(void)
{
    ssize_t n = read(STDIN_FILENO, screen.keys, sizeof screen.keys);

    screen.at = 0;
    screen.count = n > 0 ? (size_t)n : 0;
    return n > 0 ? next_key() : KEY_GONE;
}

int screen_wait(double seconds, int fd)
{
    struct pollfd all[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                           {.fd = screen.signals, .events = POLLIN},
                           {.fd = fd, .events = POLLIN}};

    if (screen.at < screen.count)
        return next_key();
    poll(all, 3, seconds > 0 ? (int)(seconds * 1e3) + 1 : 0);
    if (all[1].revents)
        return signal_came();
    return all[0].revents ? keys_came() : KEY_NONE;
}
