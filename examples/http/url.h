/* Addresses of the web: what a client has to know of one, and where a redirection leads. */
#ifndef EXAMPLES_HTTP_URL_H
#define EXAMPLES_HTTP_URL_H

#include <stdbool.h>

struct url {
    char text[2048];
    bool tls;
    int port;
    char host[256];
    char authority[300]; /* as the Host header has it */
    char target[2048];   /* the path and the query: what to ask for */
};

/* false for what is no http: or https: address, or too long a one. */
bool url_parse(struct url *u, const char *text);

/* What a reference means that stands in the answer of `base`. */
bool url_join(struct url *u, const struct url *base, const char *reference);

/* The last part of its path, "index.html" where that is empty: a file's name, which is safe to
 * create. */
void url_file_name(const struct url *u, char *name, int size);

#endif
