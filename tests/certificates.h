/* Certificates for tests: an authority of their own, and what it signs, in files that go with the
 * program. Include it after "support.h". */
#ifndef AI_TESTS_CERTIFICATES_H
#define AI_TESTS_CERTIFICATES_H

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <limits.h>
#include <stdbool.h>

#define DAY (24 * 60 * 60L)
#define FIRST_SERIAL 0xa5c0

/* What a certificate is to be; what is left out is as one that is fine. */
struct wanted {
    const char *name;          /* of the subject, and of the files: NAME.pem, NAME.key */
    const char *alternative;   /* subjectAltName, as x509v3_config(5) has it */
    const struct identity *by; /* NULL: by itself */
    bool is_authority;
    long from, until;     /* seconds from now; both 0: yesterday, and for a month */
    const char *password; /* of the key */
};

struct identity {
    X509 *cert;
    EVP_PKEY *key;
    char cert_file[PATH_MAX], key_file[PATH_MAX];
};

static char certificates[] = "/tmp/asyncio-certificates.XXXXXX";

/* The directory is made by the first. */
static UNUSED void forget_certificates(void)
{
    char command[sizeof certificates + 16];

    snprintf(command, sizeof command, "rm -r %s", certificates);
    assert_int_equal(system(command), 0);
}

static void extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(e);
    assert_int_equal(X509_add_ext(cert, e, -1), 1);
    X509_EXTENSION_free(e);
}

static void write_files(struct identity *i, const char *name, const char *password)
{
    snprintf(i->cert_file, sizeof i->cert_file, "%s/%s.pem", certificates, name);
    snprintf(i->key_file, sizeof i->key_file, "%s/%s.key", certificates, name);
    FILE *f = fopen(i->cert_file, "w");
    assert_int_equal(PEM_write_X509(f, i->cert), 1);
    fclose(f);
    f = fopen(i->key_file, "w");
    assert_int_equal(PEM_write_PrivateKey(f, i->key, password ? EVP_aes_128_cbc() : NULL,
                                          (const unsigned char *)password,
                                          password ? (int)strlen(password) : 0, NULL, NULL),
                     1);
    fclose(f);
}

static UNUSED struct identity make_identity(struct wanted w)
{
    static long serial = FIRST_SERIAL;
    struct identity i = {.cert = X509_new(), .key = EVP_EC_gen("P-256")};
    const struct identity *by = w.by ? w.by : &i;

    if (serial++ == FIRST_SERIAL)
        assert_non_null(mkdtemp(certificates));
    X509_set_version(i.cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(i.cert), serial);
    bool any_time = w.from == 0 && w.until == 0;
    X509_gmtime_adj(X509_getm_notBefore(i.cert), any_time ? -DAY : w.from);
    X509_gmtime_adj(X509_getm_notAfter(i.cert), any_time ? 30 * DAY : w.until);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(i.cert), "CN", MBSTRING_ASC,
                               (const unsigned char *)w.name, -1, -1, 0);
    X509_set_issuer_name(i.cert, X509_get_subject_name(by->cert));
    X509_set_pubkey(i.cert, i.key);
    extend(i.cert, by->cert, NID_subject_key_identifier, "hash");
    if (w.by)
        extend(i.cert, by->cert, NID_authority_key_identifier, "keyid:always");
    extend(i.cert, by->cert, NID_basic_constraints,
           w.is_authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
    extend(i.cert, by->cert, NID_key_usage,
           w.is_authority ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature");
    if (w.alternative)
        extend(i.cert, by->cert, NID_subject_alt_name, w.alternative);
    assert_true(X509_sign(i.cert, by->key, EVP_sha256()) > 0);
    write_files(&i, w.name, w.password);
    return i;
}

static UNUSED void drop_identity(struct identity *i)
{
    X509_free(i->cert);
    EVP_PKEY_free(i->key);
}

/* --- Those that most tests use --- */

static struct identity authority, localhost;

static UNUSED int make_certificates(void **state)
{
    (void)state;
    authority = make_identity((struct wanted){.name = "authority", .is_authority = true});
    localhost = make_identity((struct wanted){
        .name = "localhost", .alternative = "DNS:localhost,IP:127.0.0.1", .by = &authority});
    return 0;
}

static UNUSED int drop_certificates(void **state)
{
    (void)state;
    drop_identity(&authority);
    drop_identity(&localhost);
    forget_certificates();
    return 0;
}

#endif
