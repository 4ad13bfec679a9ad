/* The terminal: pages that are drawn whole, keys. Plain escape sequences that every terminal of
 * today knows.
 *
 * What happens to it is put right: a change of its size is a key, ^Z gives it back until the
 * program goes on, and a signal that ends the program does so after it was restored. */
#ifndef INSPECT_SCREEN_H
#define INSPECT_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

/* How a line looks: the first character of each. */
enum { PLAIN = ' ', HEADS = '#', CHOSEN = '>', ALARM = '!' };

enum key {
    KEY_NONE = 256,
    KEY_UP,
    KEY_DOWN,
    KEY_PAGE_UP,
    KEY_PAGE_DOWN,
    KEY_ENTER,
    KEY_BACK,
    KEY_RESIZE,
    KEY_GONE, /* the terminal */
};

/* False where standard input and output are no terminal. */
bool screen_open(void);
void screen_close(void);
int screen_rows(void);

/* The first `fixed` lines of this text, then as many as there is room for, `skipped` left out; and
 * at the bottom one that tells the keys. */
void screen_draw(const char *text, int fixed, int skipped, const char *keys);

/* Waits so long for a key, or for this descriptor to be readable: KEY_NONE. */
int screen_wait(double seconds, int fd);

#endif
