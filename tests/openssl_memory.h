/* OpenSSL's memory, made to fail. (That it leaks none LeakSanitizer sees: counts do not, since
 * OpenSSL keeps what it has looked up, and the words of errors.) */
#ifndef AI_TESTS_OPENSSL_MEMORY_H
#define AI_TESTS_OPENSSL_MEMORY_H

#include <openssl/crypto.h>

#include <stdatomic.h>

static struct {
    atomic_long asked;
    long fails_at; /* counted in `asked` from 1; 0: never */
} openssl_memory;

static void *openssl_malloc(size_t n, const char *file, int line)
{
    (void)file, (void)line;
    if (++openssl_memory.asked == openssl_memory.fails_at)
        return NULL;
    return malloc(n);
}

static void openssl_free(void *p, const char *file, int line)
{
    (void)file, (void)line;
    free(p);
}

static void *openssl_realloc(void *from, size_t n, const char *file, int line)
{
    if (!from)
        return openssl_malloc(n, file, line);
    if (n == 0) {
        openssl_free(from, file, line);
        return NULL;
    }
    if (++openssl_memory.asked == openssl_memory.fails_at)
        return NULL;
    return realloc(from, n);
}

/* Before anything else is done with OpenSSL. */
static UNUSED void take_openssl_memory(void)
{
    assert_int_equal(CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free), 1);
}

#endif
