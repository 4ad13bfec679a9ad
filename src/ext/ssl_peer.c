#include "ext/ssl_peer.h"

#include "ext/ssl_object.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

/* Text is written string by string, each with its NUL; where each lies is known when all have been
 * written. */
static bool end_string(BIO *text)
{
    return BIO_write(text, "", 1) == 1;
}

static bool write_name(BIO *text, const X509_NAME *name)
{
    return X509_NAME_print_ex(text, name, 0, XN_FLAG_RFC2253) >= 0 && end_string(text);
}

static bool write_serial(BIO *text, const X509 *cert)
{
    return i2a_ASN1_INTEGER(text, X509_get0_serialNumber(cert)) > 0 && end_string(text);
}

static bool write_all(BIO *text, const X509 *cert, GENERAL_NAMES *names)
{
    if (!write_name(text, X509_get_subject_name(cert)) ||
        !write_name(text, X509_get_issuer_name(cert)) || !write_serial(text, cert))
        return false;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        if (GENERAL_NAME_print(text, sk_GENERAL_NAME_value(names, i)) <= 0 || !end_string(text))
            return false;
    }
    return true;
}

static const char *next_string(const char **at)
{
    const char *s = *at;

    *at += strlen(s) + 1;
    return s;
}

static time_t when(const ASN1_TIME *time)
{
    struct tm tm;

    return ASN1_TIME_to_tm(time, &tm) ? timegm(&tm) : 0;
}

static void point(struct ai_ssl_peer *p, int names)
{
    struct asyncio_ssl_certificate *c = &p->certificate;
    char *text;

    BIO_get_mem_data(p->text, &text);
    const char *at = text;
    c->subject = next_string(&at);
    c->issuer = next_string(&at);
    c->serial_number = next_string(&at);
    for (int i = 0; i < names; i++)
        p->names[i] = next_string(&at);
    c->subject_alt_name = p->names;
    c->der = p->der;
}

static bool fill(struct ai_ssl_peer *p, X509 *cert, GENERAL_NAMES *names)
{
    p->text = BIO_new(BIO_s_mem());
    if (!p->text || !write_all(p->text, cert, names))
        return false;
    int size = i2d_X509(cert, &p->der);
    if (size < 0)
        return false;
    p->certificate.der_size = (size_t)size;
    p->certificate.not_before = when(X509_get0_notBefore(cert));
    p->certificate.not_after = when(X509_get0_notAfter(cert));
    point(p, sk_GENERAL_NAME_num(names));
    return true;
}

struct ai_ssl_peer *ai_ssl_peer_new(X509 *cert)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    int n = sk_GENERAL_NAME_num(names); /* -1 of NULL */
    struct ai_ssl_peer *p = OPENSSL_zalloc(sizeof *p + ((size_t)(n + 1) + 1) * sizeof *p->names);

    if (p && !fill(p, cert, names)) {
        ai_ssl_peer_free(p);
        p = NULL;
    }
    GENERAL_NAMES_free(names);
    ERR_clear_error();
    return p;
}

void ai_ssl_peer_free(struct ai_ssl_peer *p)
{
    if (!p)
        return;
    BIO_free(p->text);
    OPENSSL_free(p->der);
    OPENSSL_free(p);
}

const struct asyncio_ssl_certificate *asyncio_ssl_object_getpeercert(struct asyncio_ssl_object *o)
{
    X509 *cert = o->shaken ? SSL_get0_peer_certificate(o->ssl) : NULL; /* not a session's */

    if (!o->peer && cert)
        o->peer = ai_ssl_peer_new(cert);
    return o->peer ? &o->peer->certificate : NULL;
}
