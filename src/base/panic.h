/* The end of a program that misused the library, and messages to its stderr.
 *
 * Nothing here allocates: a panic has to work when memory has run out or the heap is broken. */
#ifndef AI_BASE_PANIC_H
#define AI_BASE_PANIC_H

#include <stdarg.h>

/* Prints "asyncio: " and the message on stderr, then aborts. */
_Noreturn void ai_panic(const char *format, ...) __attribute__((format(printf, 1, 2), cold));

/* Prints the message on stderr in one write, a newline added. */
void ai_report(const char *format, ...) __attribute__((format(printf, 1, 2), cold));

/* Prints a text of whole lines as it is. */
void ai_report_block(const char *text) __attribute__((cold));

#endif
