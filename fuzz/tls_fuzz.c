/* TLS in memory: a client and a server, and between them what the input makes of their talk. Each
 * pair of bytes is a deed: to carry, lose, change, repeat or make up bytes, to write, to end.
 *
 * Whatever is done, what one reads is what the other wrote, as far as it has come; nobody takes an
 * end for an end who was not told of it; and after an error all calls fail alike. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))
#define MUST(condition) ((condition) ? (void)0 : abort())
#define assert_true(x) MUST(x)
#define assert_non_null(x) MUST((x) != NULL)
#define assert_int_equal(a, b) MUST((a) == (b))

#include "../tests/certificates.h"
#include "ext/ssl_object.h"

#include <errno.h>

enum { MOST = 1 << 16 };

struct end {
    struct asyncio_ssl_object tls;
    uint8_t out[MOST]; /* on its way to the other */
    size_t out_size, written, got;
    bool said_end;
    int code;
};

static struct asyncio_ssl_context *client_context, *server_context;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void clean_up(void)
{
    asyncio_ssl_context_release(client_context);
    asyncio_ssl_context_release(server_context);
    drop_certificates(NULL);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    make_certificates(NULL);
    client_context = asyncio_ssl_context_client(.cafile = authority.cert_file, .alpn = "a,b");
    server_context = asyncio_ssl_context_server(.certfile = localhost.cert_file,
                                                .keyfile = localhost.key_file, .alpn = "b");
    MUST(client_context && server_context);
    atexit(clean_up);
    return 0;
}

static int put(void *sink, const void *data, size_t n)
{
    struct end *e = sink;
    if (n > MOST - e->out_size)
        return -ENOMEM;
    memcpy(e->out + e->out_size, data, n);
    e->out_size += n;
    return 0;
}

/* The i-th byte that each of them writes. */
static uint8_t expected(size_t i)
{
    return (uint8_t)(i * 7 + i / 256);
}

static void look(struct end *e, const struct end *other)
{
    uint8_t piece[1000];
    int before = e->code;
    ssize_t n = 1;
    e->code = ai_ssl_object_handshake(&e->tls);
    while (e->code == 1 && n > 0) {
        n = ai_ssl_object_read(&e->tls, piece, sizeof piece);
        for (ssize_t i = 0; i < n; i++)
            MUST(piece[i] == expected(e->got++));
        if (n < 0)
            e->code = (int)n;
    }
    MUST(e->got <= other->written);
    MUST(!e->tls.ended || (other->said_end && e->got == other->written));
    MUST(before >= 0 || (e->code == before && *e->tls.error.message));
}

static void give(struct end *to, struct end *from, size_t n)
{
    static uint8_t data[MOST];
    n = n < from->out_size ? n : from->out_size;
    memcpy(data, from->out, n);
    from->out_size -= n;
    memmove(from->out, from->out + n, from->out_size);
    ai_ssl_object_give(&to->tls, (const char *)data, n);
    look(to, from);
}

static void write_some(struct end *e, size_t n)
{
    uint8_t data[256 * 8];
    for (size_t i = 0; i < n; i++)
        data[i] = expected(e->written + i);
    int code = ai_ssl_object_write(&e->tls, data, n);
    if (code == 0)
        e->written += n;
    else if (e->tls.error.code && e->code > 0)
        e->code = code, e->written += n; /* some of it may have gone */
}

static void deed(struct end *from, struct end *to, unsigned what, unsigned n)
{
    switch (what) {
    case 0:
        give(to, from, n + 1);
        break;
    case 1:
        give(to, from, SIZE_MAX);
        break;
    case 2:
        if (n < from->out_size)
            from->out[n] ^= 1 << n % 8;
        break;
    case 3: /* is lost */
        from->out_size -= n < from->out_size ? n : from->out_size;
        break;
    case 4: /* comes twice */
        n = n < from->out_size ? n : (unsigned)from->out_size;
        if (n <= MOST - from->out_size) {
            memmove(from->out + n, from->out, from->out_size);
            from->out_size += n;
        }
        break;
    case 5: /* made up */
        put(from, &(uint8_t){(uint8_t)n}, 1);
        break;
    case 6:
        write_some(from, n * 8);
        break;
    default:
        if (n < 128) {
            from->said_end |= from->tls.shaken;
            ai_ssl_object_shutdown(&from->tls);
        } else {
            ai_ssl_object_give_eof(&to->tls);
            look(to, from);
        }
    }
}

static void begin(struct end *e, struct asyncio_ssl_context *c, bool is_server, const char *name)
{
    memset(e, 0, sizeof *e);
    MUST(ai_ssl_object_init(&e->tls, c, is_server, name));
    e->tls.put = put;
    e->tls.sink = e;
}

/* The first byte: how far they get before anything is done. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct end ends[2];
    if (size == 0)
        return 0;
    begin(&ends[0], client_context, false, "localhost");
    begin(&ends[1], server_context, true, NULL);
    look(&ends[0], &ends[1]);
    for (unsigned i = 0; i < data[0] % 5; i++)
        give(&ends[(i + 1) % 2], &ends[i % 2], SIZE_MAX);
    for (size_t i = 1; i + 1 < size; i += 2)
        deed(&ends[data[i] % 2], &ends[(data[i] + 1) % 2], data[i] / 2 % 8, data[i + 1]);
    ai_ssl_object_fini(&ends[0].tls);
    ai_ssl_object_fini(&ends[1].tls);
    return 0;
}
