#include "ext/ssl_error.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

int ai_ssl_error_set(struct ai_ssl_error *e, int code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(e->message, sizeof e->message, format, args);
    va_end(args);
    return e->code = code;
}

static const char *words(unsigned long error)
{
    const char *reason =
        ERR_SYSTEM_ERROR(error) ? strerror(ERR_GET_REASON(error)) : ERR_reason_error_string(error);

    return reason ? reason : "unknown error";
}

static int code_of(unsigned long error, int otherwise)
{
    if (ERR_SYSTEM_ERROR(error) && ERR_GET_REASON(error) != 0)
        return -ERR_GET_REASON(error);
    return ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE ? -ENOMEM : otherwise;
}

/* Want of memory may be told of after what it has led to. */
static unsigned long take_first(void)
{
    unsigned long first = ERR_get_error(), next;

    while ((next = ERR_get_error()))
        if (ERR_GET_REASON(next) == ERR_R_MALLOC_FAILURE)
            first = next;
    return first;
}

int ai_ssl_error_take(struct ai_ssl_error *e, const char *what, int otherwise)
{
    unsigned long error = take_first();

    return ai_ssl_error_set(e, code_of(error, otherwise), "%s%s%s", what ? what : "",
                            what ? ": " : "", words(error));
}

static int refused_certificate(struct ai_ssl_error *e, long why, const char *name)
{
    const char *text = X509_verify_cert_error_string(why);

    if (why == X509_V_ERR_HOSTNAME_MISMATCH || why == X509_V_ERR_IP_ADDRESS_MISMATCH)
        return ai_ssl_error_set(e, -EKEYREJECTED,
                                "certificate verify failed: %s, certificate is not valid for '%s'",
                                text, name);
    return ai_ssl_error_set(e, -EKEYREJECTED, "certificate verify failed: %s", text);
}

int ai_ssl_error_take_of(struct ai_ssl_error *e, const SSL *ssl, const char *name)
{
    unsigned long error = take_first();
    bool is_tls = ERR_GET_LIB(error) == ERR_LIB_SSL;

    if (is_tls && ERR_GET_REASON(error) == SSL_R_CERTIFICATE_VERIFY_FAILED)
        return refused_certificate(e, SSL_get_verify_result(ssl), name);
    if (is_tls && ERR_GET_REASON(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
        return ai_ssl_error_set(e, -ECONNRESET, "%s: the peer went without close_notify",
                                words(error));
    return ai_ssl_error_set(e, code_of(error, -EPROTO), "%s", words(error));
}
