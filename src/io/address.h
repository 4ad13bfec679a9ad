/* Socket addresses in words. */
#ifndef AI_IO_ADDRESS_H
#define AI_IO_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

struct sockaddr;
struct sockaddr_un;

/* As Python writes them, cut to fit: ('127.0.0.1', 80), ('::1', 80, 0, 0), '/path'. Returns buf. */
char *ai_address_repr(const struct sockaddr *address, unsigned size, char *buf, size_t n);

/* The address of a Unix socket; its size, or -ENAMETOOLONG. A path that begins with a NUL byte is
 * an abstract name, up to the next. */
int ai_address_unix(struct sockaddr_un *address, const char *path);

#endif
