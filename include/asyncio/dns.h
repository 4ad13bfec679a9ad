/* Names and addresses: getaddrinfo(3) and getnameinfo(3) without blocking.
 *
 *     struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;
 *     int error = await(asyncio_getaddrinfo("example.org", "https", &hints, &list));
 *     if (error)
 *         return asyncio_raise(error, "%s", asyncio_error_message());
 *     …
 *     freeaddrinfo(list);
 *
 * What is numeric is answered at once. Everything else the C library finds out as ever (hosts file,
 * DNS, whatever the system is set up for), in threads that do nothing else, up to 16 for each loop:
 * names that take long keep other names waiting, but neither files nor asyncio_to_thread().
 *
 * Cancelling, a timeout for example, ends the await at once. A look-up that has begun cannot be
 * stopped: it goes on with copies of its own, and what it finds is freed. The end of the loop does
 * not wait for it. Of one that has not begun nothing is left.
 *
 * Failures are told apart by errors of their own, and asyncio_error_message() has gai_strerror()'s
 * words:
 *     -ENOENT           EAI_NONAME      no such host, or no such service
 *     -ENODATA          EAI_NODATA      the host is known, and has no address
 *     -EADDRNOTAVAIL    EAI_ADDRFAMILY  it has none of that family
 *     -EAGAIN           EAI_AGAIN       no answer; later there may be one. Also: no thread is to be
 *                                       had
 *     -EREMOTEIO        EAI_FAIL        the server refused
 *     -EPROTONOSUPPORT  EAI_SERVICE     no such service for this type of socket
 *     -ESOCKTNOSUPPORT  EAI_SOCKTYPE
 *     -EAFNOSUPPORT     EAI_FAMILY
 *     -EINVAL           EAI_BADFLAGS
 *     -EOVERFLOW        EAI_OVERFLOW    host or service do not fit
 *     -EILSEQ           EAI_IDN_ENCODE
 *     -ENOMEM           EAI_MEMORY
 *     -errno            EAI_SYSTEM
 * and -ECANCELED. In a simulation names are those of the real world; its clock waits for them. */
#ifndef ASYNCIO_DNS_H
#define ASYNCIO_DNS_H

#include <asyncio/language.h>

#pragma GCC visibility push(default)

/* Whoever looks into one includes <netdb.h>. A socklen_t is an unsigned int. */
struct addrinfo;
struct sockaddr;

/* The addresses of a host and a service, as getaddrinfo(3) has them: 0, and *result is the list,
 * never empty, to be freed with freeaddrinfo(); else an error as above, and *result is NULL. Host
 * or service, and the hints, may be NULL. All of them have to stay valid until it is done. */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int)
    asyncio_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                        struct addrinfo **result);

/* The names of an address, as getnameinfo(3) has them: 0, and they are in host and service, as far
 * as these have room (either may be NULL, of size 0); else an error as above. With NI_NUMERICHOST
 * and NI_NUMERICSERV it is done at once. All have to stay valid until it is done. */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int)
    asyncio_getnameinfo(const struct sockaddr *address, unsigned size, char *host,
                        unsigned host_size, char *service, unsigned service_size, int flags);

#pragma GCC visibility pop

#endif
