/* The sessions that servers have given a client's context, by host name, to be resumed. A session
 * is taken out to be used: from TLS 1.3 on each is good for once only. Any thread may. */
#ifndef AI_EXT_SSL_SESSIONS_H
#define AI_EXT_SSL_SESSIONS_H

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdbool.h>

enum {
    AI_SSL_SESSIONS = 64,        /* of a context */
    AI_SSL_SESSIONS_OF_HOST = 4, /* of those */
};

struct ai_ssl_session {
    SSL_SESSION *session;
    char *host;
};

struct ai_ssl_sessions {
    pthread_mutex_t mutex;
    unsigned count;
    struct ai_ssl_session entries[AI_SSL_SESSIONS]; /* the latest is the last */
};

void ai_ssl_sessions_init(struct ai_ssl_sessions *s);
void ai_ssl_sessions_fini(struct ai_ssl_sessions *s);

/* Keeps a session; false without memory, where it stays the caller's. */
bool ai_ssl_sessions_put(struct ai_ssl_sessions *s, const char *host, SSL_SESSION *session);

/* The latest of this host, which is the caller's then; or NULL. */
SSL_SESSION *ai_ssl_sessions_take(struct ai_ssl_sessions *s, const char *host);

#endif
