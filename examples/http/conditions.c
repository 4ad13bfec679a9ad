#include "conditions.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char date_format[] = "%a, %d %b %Y %H:%M:%S GMT";

char *http_date(time_t t, char date[static HTTP_DATE])
{
    struct tm tm;
    if (!gmtime_r(&t, &tm) || strftime(date, HTTP_DATE, date_format, &tm) == 0)
        date[0] = '\0';
    return date;
}

time_t http_time(const char *date)
{
    struct tm tm = {0};
    const char *end = strptime(date, date_format, &tm);
    return end && !*end ? timegm(&tm) : -1;
}

/* Whether a list such as `"a", W/"b"` has this tag, or is `*`. */
static bool has_tag(const char *list, const char *tag)
{
    size_t n = strlen(tag);
    if (strcmp(list, "*") == 0)
        return true;
    for (const char *at = list; (at = strstr(at, tag)); at += n)
        if ((at == list || strchr("/, \t", at[-1])) && (!at[n] || strchr(", \t", at[n])))
            return true;
    return false;
}

static bool is_unchanged(const struct http_message *m, const struct resource *r)
{
    const char *tags = http_header(m, "If-None-Match");
    if (tags)
        return has_tag(tags, r->tag);
    const char *since = http_header(m, "If-Modified-Since");
    return since && http_time(since) >= r->modified;
}

/* Whether the parts that the client has are parts of this: by its tag, or its date. */
static bool is_same(const char *validator, const struct resource *r)
{
    return validator[0] == '"' ? strcmp(validator, r->tag) == 0
                               : http_time(validator) == r->modified;
}

/* A number at *text, which is left behind it: -1 for none. One that is too large is a large one. */
static off_t number(const char **text)
{
    if (!isdigit((unsigned char)**text))
        return -1;
    char *end;
    long long n = strtoll(*text, &end, 10);
    *text = end;
    return n;
}

int http_range(const char *value, off_t size, off_t *from, off_t *to)
{
    if (strncmp(value, "bytes=", 6) != 0)
        return HTTP_STATUS_OK;
    const char *at = value + 6;
    off_t first = number(&at);
    if (*at++ != '-')
        return HTTP_STATUS_OK;
    off_t last = number(&at);
    if (*at || (first < 0 && last < 0) || (first >= 0 && last >= 0 && last < first))
        return HTTP_STATUS_OK;
    if (first < 0) { /* the last so many */
        first = last < size ? size - last : 0;
        last = size - 1;
    }
    *from = first;
    *to = last < 0 || last >= size ? size : last + 1;
    return *from < *to ? HTTP_STATUS_PARTIAL_CONTENT : HTTP_STATUS_RANGE_NOT_SATISFIABLE;
}

int http_status_wanted(const struct http_message *m, const struct resource *r, off_t *from,
                       off_t *to)
{
    *from = 0;
    *to = r->size;
    if (is_unchanged(m, r))
        return HTTP_STATUS_NOT_MODIFIED;
    const char *range = http_header(m, "Range"), *same = http_header(m, "If-Range");
    if (!range || m->parser.method != HTTP_GET || (same && !is_same(same, r)))
        return HTTP_STATUS_OK;
    return http_range(range, r->size, from, to);
}
