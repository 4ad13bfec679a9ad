#include "ext/ssl_sessions.h"

#include <openssl/crypto.h>
#include <string.h>

void ai_ssl_sessions_init(struct ai_ssl_sessions *s)
{
    pthread_mutex_init(&s->mutex, NULL);
    s->count = 0;
}

static void drop(struct ai_ssl_session *entry)
{
    SSL_SESSION_free(entry->session);
    OPENSSL_free(entry->host);
}

void ai_ssl_sessions_fini(struct ai_ssl_sessions *s)
{
    while (s->count > 0)
        drop(&s->entries[--s->count]);
    pthread_mutex_destroy(&s->mutex);
}

static void close_gap(struct ai_ssl_sessions *s, unsigned i)
{
    s->count--;
    memmove(&s->entries[i], &s->entries[i + 1], (s->count - i) * sizeof *s->entries);
}

/* The oldest goes: of the host if it has had its share, else of all if there is no place. */
static void make_room(struct ai_ssl_sessions *s, const char *host)
{
    unsigned of_host = 0, oldest = 0;

    for (unsigned i = s->count; i-- > 0;) {
        if (strcmp(s->entries[i].host, host) == 0) {
            of_host++;
            oldest = i;
        }
    }
    if (of_host < AI_SSL_SESSIONS_OF_HOST)
        oldest = 0;
    if (of_host == AI_SSL_SESSIONS_OF_HOST || s->count == AI_SSL_SESSIONS) {
        drop(&s->entries[oldest]);
        close_gap(s, oldest);
    }
}

bool ai_ssl_sessions_put(struct ai_ssl_sessions *s, const char *host, SSL_SESSION *session)
{
    char *copy = OPENSSL_strdup(host);

    if (!copy)
        return false;
    pthread_mutex_lock(&s->mutex);
    make_room(s, host);
    s->entries[s->count++] = (struct ai_ssl_session){session, copy};
    pthread_mutex_unlock(&s->mutex);
    return true;
}

SSL_SESSION *ai_ssl_sessions_take(struct ai_ssl_sessions *s, const char *host)
{
    struct ai_ssl_session found = {NULL, NULL};

    pthread_mutex_lock(&s->mutex);
    for (unsigned i = s->count; i-- > 0 && !found.session;) {
        if (strcmp(s->entries[i].host, host) == 0) {
            found = s->entries[i];
            close_gap(s, i);
        }
    }
    pthread_mutex_unlock(&s->mutex);
    OPENSSL_free(found.host);
    return found.session;
}
