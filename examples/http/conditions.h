/* The headers that ask for less than all of a file: only where it has changed, only a part. */
#ifndef EXAMPLES_HTTP_CONDITIONS_H
#define EXAMPLES_HTTP_CONDITIONS_H

#include "message.h"
#include "resource.h"

enum { HTTP_DATE = sizeof "Sun, 06 Nov 1994 08:49:37 GMT" };

/* The status to answer with: 200 and all of it, 206 and the bytes from *from up to *to, 304, 416 */
int http_status_wanted(const struct http_message *m, const struct resource *r, off_t *from,
                       off_t *to);

/* A header's value "bytes=…" for a file of this size: 206 and the bytes from *from up to *to; 416;
 * 200 for what is not understood, several ranges among it. */
int http_range(const char *value, off_t size, off_t *from, off_t *to);

/* "Sun, 06 Nov 1994 08:49:37 GMT", and back: -1 for what is none. */
char *http_date(time_t t, char date[static HTTP_DATE]);
time_t http_time(const char *date);

#endif
