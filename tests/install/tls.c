/* A program with TLS. */
#include <asyncio.h>
#include <asyncio/tls.h>

async(int, refused)
{
    struct asyncio_streams s =
        await(asyncio_open_connection("127.0.0.1", 1, .ssl = ASYNCIO_SSL_DEFAULT));
    return s.reader ? 0 : asyncio_error();
}

int main(void)
{
    struct asyncio_ssl_context *c = asyncio_ssl_context_server(.certfile = "/nowhere");
    if (c || (asyncio_error() != -ENOENT && asyncio_error() != -ENOTSUP))
        return 1;
    printf("%s\n", asyncio_error_message());
    c = asyncio_ssl_context_client(.alpn = "http/1.1");
    asyncio_ssl_context_release(c);
    asyncio_run(refused());
    return 0;
}
