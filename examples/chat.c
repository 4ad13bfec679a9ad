/* A chat server with rooms, for telnet or nc.
 *
 *     chat [PORT]
 *
 * Each client is a task that reads its lines. What is said goes straight to the others' writers;
 * who does not read what is written to it is put out, so that a slow client costs a bounded amount
 * of memory and keeps nobody waiting. */
#include <asyncio.h>

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { NAME = 32, MOST_UNREAD = 1 << 20 };

struct client {
    char name[NAME], room[NAME];
    struct asyncio_stream_writer *writer;
    struct client *next;
};

static struct client *clients;

static void tell(struct client *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void tell(struct client *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    asyncio_stream_writer_vprintf(c->writer, format, args);
    va_end(args);
    if (asyncio_stream_writer_get_write_buffer_size(c->writer) > MOST_UNREAD)
        asyncio_stream_writer_abort(c->writer);
}

static bool hears(const struct client *c, const struct client *speaker)
{
    return c != speaker && strcmp(c->room, speaker->room) == 0;
}

static void say(const struct client *speaker, const char *text)
{
    for (struct client *c = clients; c; c = c->next)
        if (hears(c, speaker))
            tell(c, "<%s> %s\r\n", speaker->name, text);
}

static void announce(const struct client *about, const char *what)
{
    for (struct client *c = clients; c; c = c->next)
        if (hears(c, about))
            tell(c, "* %s %s %s\r\n", about->name, what, about->room);
}

static bool is_taken(const char *name)
{
    for (struct client *c = clients; c; c = c->next)
        if (strcmp(c->name, name) == 0)
            return true;
    return false;
}

static bool is_name(const char *text)
{
    size_t n = strlen(text);
    for (const char *at = text; *at; at++)
        if (!isalnum((unsigned char)*at) && !strchr("-_#", *at))
            return false;
    return n > 0 && n < NAME;
}

/* --- What a client may ask for --- */

static void nick(struct client *c, const char *name)
{
    if (!is_name(name))
        tell(c, "! a name is 1 to %d letters, digits, - or _\r\n", NAME - 1);
    else if (is_taken(name))
        tell(c, "! %s is here already\r\n", name);
    else {
        for (struct client *other = clients; other; other = other->next)
            if (hears(other, c))
                tell(other, "* %s is now %s\r\n", c->name, name);
        strcpy(c->name, name);
        tell(c, "* you are %s\r\n", name);
    }
}

static void join(struct client *c, const char *room)
{
    if (!is_name(room)) {
        tell(c, "! a room is named by 1 to %d letters, digits, #, - or _\r\n", NAME - 1);
        return;
    }
    announce(c, "leaves");
    strcpy(c->room, room);
    announce(c, "enters");
    tell(c, "* you are in %s\r\n", room);
}

static void who(struct client *c, const char *unused)
{
    (void)unused;
    for (const struct client *other = clients; other; other = other->next)
        if (strcmp(other->room, c->room) == 0)
            tell(c, "* %s\r\n", other->name);
}

static void quit(struct client *c, const char *unused)
{
    (void)unused;
    tell(c, "* bye\r\n");
    asyncio_stream_writer_close(c->writer);
}

static void help(struct client *c, const char *unused);

static const struct command {
    const char *name, *help;
    void (*run)(struct client *c, const char *argument);
} commands[] = {
    {"/nick", "NAME: be called so", nick},
    {"/join", "ROOM: go there", join},
    {"/who", "is in this room", who},
    {"/quit", "leave", quit},
    {"/help", "this", help},
};

enum { COMMANDS = sizeof commands / sizeof *commands };

static void help(struct client *c, const char *unused)
{
    (void)unused;
    for (int i = 0; i < COMMANDS; i++)
        tell(c, "* %s %s\r\n", commands[i].name, commands[i].help);
}

static void obey(struct client *c, char *line)
{
    char *argument = line + strcspn(line, " ");
    if (*argument)
        *argument++ = '\0';
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(line, commands[i].name) == 0) {
            commands[i].run(c, argument);
            return;
        }
    tell(c, "! no such command: see /help\r\n");
}

/* --- A client's life --- */

static void enter(struct client *c)
{
    static unsigned guests;
    do
        snprintf(c->name, NAME, "guest%u", ++guests);
    while (is_taken(c->name));
    strcpy(c->room, "lobby");
    c->next = clients;
    clients = c;
    tell(c, "* welcome, %s: see /help\r\n", c->name);
    announce(c, "enters");
}

static void leave(struct client *c)
{
    struct client **place = &clients;
    while (*place != c)
        place = &(*place)->next;
    *place = c->next;
    announce(c, "leaves");
}

static async(void, chat, (struct asyncio_stream_reader *, reader),
             (struct asyncio_stream_writer *, writer))
{
    struct client c = {.writer = writer};
    enter(&c);
    async_for (char *line, asyncio_stream_reader_lines(reader)) {
        line[strcspn(line, "\r\n")] = '\0';
        if (*line == '/')
            obey(&c, line);
        else if (*line)
            say(&c, line);
    }
    leave(&c);
}

static async(int, serve, (int, port))
{
    struct asyncio_server *server =
        await(asyncio_start_server(chat, "127.0.0.1", port, .limit = 4096));
    if (!server) {
        fprintf(stderr, "%s\n", asyncio_error_message());
        return 1;
    }
    printf("listening on 127.0.0.1:%d\n", asyncio_server_port(server));
    fflush(stdout);
    async_with(server) await(asyncio_server_serve_forever(server));
    return 0;
}

int main(int argc, char **argv)
{
    return asyncio_run(serve(argc > 1 ? atoi(argv[1]) : 8889)) != 0;
}
