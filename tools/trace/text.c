/* How strings and times are written, whatever they are written in. */
#include "output.h"

#include <string.h>

void put_json_string(const char *s, FILE *out)
{
    putc('"', out);
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c < ' ' || c == '<' || c == '>' || c == '&') /* none of them ends a script */
            fprintf(out, "\\u%04x", c);
        else
            putc(c, out);
    }
    putc('"', out);
}

const char *format_duration(char *buf, size_t n, int64_t ns)
{
    static const struct {
        double size;
        const char *name;
    } units[] = {{1e9, "s"}, {1e6, "ms"}, {1e3, "µs"}, {1, "ns"}};
    unsigned u = 0;

    while (u < 3 && (double)ns < units[u].size)
        u++;
    if (ns == 0)
        u = 0;
    snprintf(buf, n, "%.4g %s", (double)ns / units[u].size, units[u].name);
    return buf;
}

const char *place_only(const char *place, char *buf, size_t n)
{
    const char *space = strrchr(place, ' ');

    while (!strncmp(place, "../", 3))
        place += 3;
    snprintf(buf, n, "%.*s", space > place ? (int)(space - place) : (int)strlen(place), place);
    return buf;
}
