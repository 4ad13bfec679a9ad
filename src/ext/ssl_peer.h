/* The peer's certificate, as text. */
#ifndef AI_EXT_SSL_PEER_H
#define AI_EXT_SSL_PEER_H

#include <asyncio/tls.h>

#include <openssl/x509.h>

struct ai_ssl_peer {
    struct asyncio_ssl_certificate certificate;
    BIO *text; /* its strings */
    unsigned char *der;
    const char *names[]; /* and NULL */
};

/* NULL without memory. */
struct ai_ssl_peer *ai_ssl_peer_new(X509 *cert);
void ai_ssl_peer_free(struct ai_ssl_peer *peer);

#endif
