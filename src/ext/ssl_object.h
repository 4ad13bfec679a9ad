/* One connection's TLS, without the connection: bytes from the peer go in, bytes for it come out,
 * and nothing ever waits. OpenSSL reads from and writes to a BIO of ours, which reads what was
 * given last, and puts what is to be sent where it is told.
 *
 * All of what is given is taken: OpenSSL keeps what is not yet whole. After a failure all calls
 * fail alike. */
#ifndef AI_EXT_SSL_OBJECT_H
#define AI_EXT_SSL_OBJECT_H

#include "ext/ssl_context.h"

struct asyncio_ssl_object {
    SSL *ssl;
    struct asyncio_ssl_context *context;
    struct asyncio_ssl_context *chosen; /* by its sni_callback, or NULL */
    char *name;                         /* of the server, a client's; or NULL */
    char *protocol;                     /* that both speak, or NULL */
    const char *in;                     /* what was given and OpenSSL has not read */
    size_t in_size;
    bool in_eof;
    bool shaken; /* the handshake is over */
    bool ended;  /* the peer has said that nothing more comes */
    bool closed; /* so have we */
    /* Where to put what is to be sent. 0 or -ENOMEM. */
    int (*put)(void *sink, const void *data, size_t n);
    void *sink;
    struct ai_ssl_error error;
    struct ai_ssl_peer *peer; /* its certificate, once somebody has asked; or NULL */
};

/* `name` or NULL; a client whose context verifies names needs one. false without memory; else it
 * is to be ended. What is wrong the handshake says. */
bool ai_ssl_object_init(struct asyncio_ssl_object *o, struct asyncio_ssl_context *context,
                        bool is_server, const char *name);
void ai_ssl_object_fini(struct asyncio_ssl_object *o);

/* The methods of its BIO. */
BIO_METHOD *ai_ssl_object_bio(void);

/* What the peer has sent; or that it has ended the stream. It is read by the calls that follow and
 * has to stay until they have nothing more to give. */
void ai_ssl_object_give(struct asyncio_ssl_object *o, const char *data, size_t n);
void ai_ssl_object_give_eof(struct asyncio_ssl_object *o);

/* Goes on with the handshake as far as it goes: 1 it is over, 0 more is needed, -errno. */
int ai_ssl_object_handshake(struct asyncio_ssl_object *o);

/* Up to n bytes; 0: none without more from the peer, or `ended`; -errno. */
ssize_t ai_ssl_object_read(struct asyncio_ssl_object *o, void *buf, size_t n);

/* 0 or -errno. */
int ai_ssl_object_write(struct asyncio_ssl_object *o, const void *data, size_t n);

/* Tells the peer that nothing more will be written. */
void ai_ssl_object_shutdown(struct asyncio_ssl_object *o);

/* What the context's callbacks do to it. */
void ai_ssl_object_choose(struct asyncio_ssl_object *o, struct asyncio_ssl_context *chosen);
int ai_ssl_object_keep(struct asyncio_ssl_object *o, SSL_SESSION *session);

#endif
