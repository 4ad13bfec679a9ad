#include "base/panic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void put(const char *text, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t w = write(STDERR_FILENO, text + done, n - done);
        if (w <= 0)
            break;
        done += (size_t)w;
    }
}

static void print(const char *prefix, const char *format, va_list args)
{
    char line[2048];
    int at = snprintf(line, sizeof line, "%s", prefix);
    int n = vsnprintf(line + at, sizeof line - (size_t)at - 1, format, args);
    size_t end = (size_t)at + (n > 0 ? (size_t)n : 0);

    if (end > sizeof line - 2)
        end = sizeof line - 2;
    line[end++] = '\n';
    fflush(stdout); /* so that a program's own output stands before what is said of it */
    put(line, end);
}

void ai_panic(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print("asyncio: ", format, args);
    va_end(args);
    abort();
}

void ai_report(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print("", format, args);
    va_end(args);
}

void ai_report_block(const char *text)
{
    put(text, strlen(text));
}
