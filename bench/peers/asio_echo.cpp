// Asio: handlers, on epoll.
#define ASIO_STANDALONE
#include <asio.hpp>

#include <array>
#include <cstdio>
#include <memory>

using asio::ip::tcp;

struct connection : std::enable_shared_from_this<connection> {
    tcp::socket socket;
    std::array<char, 4096> buffer;

    explicit connection(tcp::socket s) : socket(std::move(s)) {}

    void receive()
    {
        socket.async_read_some(asio::buffer(buffer),
                               [self = shared_from_this()](std::error_code e, std::size_t n) {
                                   if (!e)
                                       self->answer(n);
                               });
    }

    void answer(std::size_t n)
    {
        asio::async_write(socket, asio::buffer(buffer, n),
                          [self = shared_from_this()](std::error_code e, std::size_t) {
                              if (!e)
                                  self->receive();
                          });
    }
};

static void accept(tcp::acceptor &listener)
{
    listener.async_accept([&listener](std::error_code e, tcp::socket socket) {
        if (!e) {
            socket.set_option(tcp::no_delay(true));
            std::make_shared<connection>(std::move(socket))->receive();
        }
        accept(listener);
    });
}

int main()
{
    asio::io_context context(1);
    tcp::acceptor listener(context, {asio::ip::address_v4::loopback(), 0});
    accept(listener);
    std::printf("%d\n", listener.local_endpoint().port());
    std::fflush(stdout);
    context.run();
}
