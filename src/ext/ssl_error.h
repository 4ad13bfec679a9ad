/* What OpenSSL has to say, as -errno and one line of text. */
#ifndef AI_EXT_SSL_ERROR_H
#define AI_EXT_SSL_ERROR_H

#include <openssl/ssl.h>
#include <stddef.h>

struct ai_ssl_error {
    int code; /* -errno, or 0 */
    char message[256];
};

/* The first of the errors that this thread's calls have left behind, which is the cause of the
 * others; they are gone then. `what` (or NULL) stands in front of the message. Returns the code:
 * that of the system where it was one, -ENOMEM, else `otherwise`. */
int ai_ssl_error_take(struct ai_ssl_error *e, const char *what, int otherwise);

/* The same of a connection: -EKEYREJECTED for its peer's certificate, -ECONNRESET where the stream
 * ended too early, else -EPROTO. `name` is whom the certificate was to be for. */
int ai_ssl_error_take_of(struct ai_ssl_error *e, const SSL *ssl, const char *name);

/* One of our own. Returns the code. */
int ai_ssl_error_set(struct ai_ssl_error *e, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
