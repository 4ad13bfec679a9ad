#include "url.h"

#include <ctype.h>
#include <http_parser.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* The text from here to there, as printf()'s "%.*s" takes it. */
#define SPAN(from, to) (int)((to) - (from)), (from)

static bool fits(int n, size_t size)
{
    return n >= 0 && (size_t)n < size;
}

static bool copy_host(struct url *u, const struct http_parser_url *p)
{
    const char *host = u->text + p->field_data[UF_HOST].off;
    int n = p->field_data[UF_HOST].len;
    bool is_v6 = host[-1] == '[';
    char port[16] = "";
    if (p->field_set & 1 << UF_PORT)
        snprintf(port, sizeof port, ":%d", u->port);
    return fits(snprintf(u->host, sizeof u->host, "%.*s", n, host), sizeof u->host) &&
           fits(snprintf(u->authority, sizeof u->authority, is_v6 ? "[%s]%s" : "%s%s", u->host,
                         port),
                sizeof u->authority);
}

/* It begins behind the host and ends before the fragment. */
static void copy_target(struct url *u, const struct http_parser_url *p)
{
    bool has_path = p->field_set & 1 << UF_PATH, has_query = p->field_set & 1 << UF_QUERY;
    snprintf(u->target, sizeof u->target, "%.*s%s%.*s", has_path ? p->field_data[UF_PATH].len : 1,
             has_path ? u->text + p->field_data[UF_PATH].off : "/", has_query ? "?" : "",
             has_query ? p->field_data[UF_QUERY].len : 0, u->text + p->field_data[UF_QUERY].off);
}

/* No more than may stand in a request's line, of which http-parser is not quite sure. */
static bool is_printable(const char *text)
{
    while (isgraph((unsigned char)*text))
        text++;
    return *text == '\0';
}

bool url_parse(struct url *u, const char *text)
{
    struct http_parser_url p;
    if (!is_printable(text))
        return false;
    http_parser_url_init(&p);
    int n = snprintf(u->text, sizeof u->text, "%s", text);
    if (!fits(n, sizeof u->text) || http_parser_parse_url(u->text, (size_t)n, 0, &p) != 0)
        return false;
    u->tls = strncasecmp(u->text, "https:", 6) == 0;
    if ((!u->tls && strncasecmp(u->text, "http:", 5) != 0) || !(p.field_set & 1 << UF_HOST))
        return false;
    u->port = p.field_set & 1 << UF_PORT ? p.port : u->tls ? 443 : 80;
    copy_target(u, &p);
    return copy_host(u, &p);
}

/* RFC 3986 has more to it; with ".." the server can deal. */
bool url_join(struct url *u, const struct url *base, const char *reference)
{
    char text[sizeof u->text];
    const char *scheme = base->tls ? "https" : "http", *target = base->target;
    const char *query = target + strcspn(target, "?"), *directory = query;
    while (directory[-1] != '/')
        directory--;
    int n;
    if (strncmp(reference + strcspn(reference, ":/?#"), "://", 3) == 0)
        n = snprintf(text, sizeof text, "%s", reference);
    else if (strncmp(reference, "//", 2) == 0)
        n = snprintf(text, sizeof text, "%s:%s", scheme, reference);
    else if (reference[0] == '/')
        n = snprintf(text, sizeof text, "%s://%s%s", scheme, base->authority, reference);
    else
        n = snprintf(text, sizeof text, "%s://%s%.*s%s", scheme, base->authority,
                     SPAN(target, reference[0] == '?' ? query : directory), reference);
    return fits(n, sizeof text) && url_parse(u, text);
}

void url_file_name(const struct url *u, char *name, int size)
{
    const char *end = u->target + strcspn(u->target, "?"), *begin = end;
    while (begin[-1] != '/')
        begin--;
    int n = snprintf(name, (size_t)size, "%.*s", SPAN(begin, end));
    if (n <= 0 || n >= size || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        snprintf(name, (size_t)size, "index.html");
}
