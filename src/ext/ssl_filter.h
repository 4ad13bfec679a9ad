/* TLS as a filter of connections. */
#ifndef AI_EXT_SSL_FILTER_H
#define AI_EXT_SSL_FILTER_H

#include "io/filter.h"

struct ai_filter *ai_ssl_filter_make(struct ai_filter_source *source, bool is_server,
                                     const char *name, int *error);

#endif
