/* <asyncio/file.h>: lines and pieces, their limits, what is written when, positions, mistakes,
 * cancellation, and files that their tasks left open. */
#include "support.h"

#include <errno.h>

typedef struct asyncio_file file;

static char path[64]; /* of this test's file */

static int make_name(void **state)
{
    strcpy(path, "/tmp/buffered_file_test_XXXXXX");
    int fd = mkstemp(path);
    return fd < 0 || close(fd) != 0 || unlink(path) != 0 || ledger_open(state) != 0;
}

static int remove_file(void **state)
{
    unlink(path);
    return ledger_close(state);
}

#define FILE_TEST(name) cmocka_unit_test_setup_teardown(name, make_name, remove_file)

static void put(const void *data, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, n), n);
    close(fd);
}

static void put_text(const char *text)
{
    put(text, strlen(text));
}

/* What is in the file, good until the next call. */
static const char *text_there(void)
{
    static char text[1024];
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    ssize_t n = read(fd, text, sizeof text - 1);
    assert_true(n >= 0);
    text[n] = 0;
    close(fd);
    return text;
}

#define assert_there(expected) assert_string_equal(text_there(), expected)

#define assert_line(f, expected)                                                                   \
    do {                                                                                           \
        char *line_;                                                                               \
        assert_int_equal(await(asyncio_file_readline(f, &line_)), strlen(expected));               \
        assert_string_equal(line_, expected);                                                      \
    } while (0)

/* --- Reading --- */

ASYNC_TEST(lines)
{
    put_text("one\n\ntwo\r\nlast");
    file *f = await(asyncio_file_open(path, "r"));

    async_for (char *line, asyncio_file_lines(f))
        note("[%s]", line);
    assert_history("[one\n] [\n] [two\r\n] [last]");
    assert_int_equal(asyncio_error(), 0);
    assert_line(f, "");
    assert_int_equal(await(asyncio_file_close(f)), 0);
    assert_int_equal(await(asyncio_file_close(f)), 0);
}

ASYNC_TEST(an_empty_file)
{
    put_text("");
    file *f = await(asyncio_file_open(path, "r"));
    char *all;

    async_for (char *line, asyncio_file_lines(f))
        note("%s", line);
    assert_history("");
    assert_int_equal(await(asyncio_file_read_all(f, &all)), 0);
    assert_string_equal(all, "");
    assert_int_equal(await(asyncio_file_close(f)), 0);
}

/* As long as they come: pieces of them are wherever reads happen to end. */
ASYNC_TEST(many_lines)
{
    enum { LINES = 5000 };
    file *f = await(asyncio_file_open(path, "w"));
    for (int i = 0; i < LINES; i++) {
        char line[400];
        int n = sprintf(line, "%d %0*d\n", i, i * 7919 % 300 + 1, i);
        assert_int_equal(await(asyncio_file_write(f, line, (size_t)n)), n);
    }
    assert_int_equal(await(asyncio_file_close(f)), 0);

    int count = 0;
    f = await(asyncio_file_open(path, "r"));
    async_for (char *line, asyncio_file_lines(f)) {
        char expected[400];
        sprintf(expected, "%d %0*d\n", count, count * 7919 % 300 + 1, count);
        assert_string_equal(line, expected);
        count++;
    }
    assert_int_equal(count, LINES);
    assert_int_equal(await(asyncio_file_close(f)), 0);
}

ASYNC_TEST(lines_and_pieces)
{
    char buf[8] = "", *rest;
    put_text("head\nbody and tail");
    file *f = await(asyncio_file_open(path, "r"));

    assert_line(f, "head\n");
    assert_int_equal(await(asyncio_file_read(f, buf, 5)), 5);
    assert_string_equal(buf, "body ");
    assert_int_equal(asyncio_file_tell(f), 10);
    assert_int_equal(await(asyncio_file_read_all(f, &rest)), 8);
    assert_string_equal(rest, "and tail");
    strcpy(rest, "changed"); /* it is the caller's to write to */
    assert_int_equal(await(asyncio_file_read(f, buf, 5)), 0);
    assert_int_equal(await(asyncio_file_close(f)), 0);
}

/* The byte behind a line, which a NUL stands for meanwhile, is the next line's first. */
ASYNC_TEST(bytes_of_every_value)
{
    unsigned char bytes[512], *all;
    for (int i = 0; i < 512; i++)
        bytes[i] = (unsigned char)i;
    put(bytes, sizeof bytes);
    file *f = await(asyncio_file_open(path, "rb"));
    char *line;

    assert_int_equal(await(asyncio_file_readline(f, &line)), 11);
    assert_memory_equal(line, bytes, 11);
    assert_int_equal(line[11], 0);
    assert_int_equal(await(asyncio_file_readline(f, &line)), 256);
    assert_memory_equal(line, bytes + 11, 256);
    assert_int_equal(await(asyncio_file_read_all(f, (char **)&all)), 245);
    assert_memory_equal(all, bytes + 267, 245);
    assert_int_equal(await(asyncio_file_close(f)), 0);
}

ASYNC_TEST(much_at_once)
{
    enum { MUCH = 300000 };
    char *data = malloc(MUCH), *back = malloc(MUCH + 1);
    for (int i = 0; i < MUCH; i++)
        data[i] = (char)(i * 2654435761u >> 24);
    put(data, MUCH);
    file *f = await(asyncio_file_open(path, "r"));

    assert_int_equal(await(asyncio_file_read(f, back, 10)), 10);
    assert_int_equal(await(asyncio_file_read(f, back + 10, MUCH)), MUCH - 10);
    assert_memory_equal(back, data, MUCH);
    assert_int_equal(await(asyncio_file_seek(f, 0, SEEK_SET)), 0);
    assert_int_equal(await(asyncio_file_read(f, back, MUCH + 1)), MUCH);
    assert_memory_equal(back, data, MUCH);
    assert_int_equal(await(asyncio_file_close(f)), 0);
    free(data);
    free(back);
}

ASYNC_TEST(a_line_beyond_the_limit)
{
    char *line;
    put_text("four\n12345\n12345\nnext\nendless");
    file *f = await(asyncio_file_open(path, "r", .limit = 4));

    assert_line(f, "four\n");
    assert_int_equal(await(asyncio_file_readline(f, &line)), -EMSGSIZE);
    assert_string_equal(asyncio_error_message(), "a line is longer than the limit");
    async_for (char *l, asyncio_file_lines(f))
        note("%s", l);
    assert_int_equal(asyncio_error(), -EMSGSIZE);
    assert_line(f, "next\n");
    assert_int_equal(await(asyncio_file_readline(f, &line)), -EMSGSIZE);
    assert_line(f, "");
    assert_history("");
    assert_int_equal(await(asyncio_file_close(f)), 0);
}

static async(void, say, (int, fd), (const char *, text))
{
    for (; *text; text++) {
        await(asyncio_sleep(0));
        assert_int_equal(write(fd, text, 1), 1);
    }
    close(fd);
}

/* A descriptor that has to be waited for, and whose end is another's. */
ASYNC_TEST(lines_from_a_pipe)
{
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    file *f = asyncio_file_fdopen(fds[0], "r", 0);
    asyncio_spawn(say(fds[1], "one\ntwo\nrest"));

    async_for (char *line, asyncio_file_lines(f))
        note("[%s]", line);
    assert_history("[one\n] [two\n] [rest]");
    assert_int_equal(asyncio_file_tell(f), -ESPIPE);
    assert_int_equal(await(asyncio_file_seek(f, 0, SEEK_SET)), -ESPIPE);
    assert_int_equal(await(asyncio_file_close(f)), 0);
}

ASYNC_TEST(standard_input)
{
    int kept = dup(STDIN_FILENO);
    put_text("typed\nmore");
    int fd = open(path, O_RDONLY);
    dup2(fd, STDIN_FILENO);
    close(fd);
    file *f = asyncio_stdin();

    assert_int_equal(asyncio_file_fileno(f), STDIN_FILENO);
    assert_line(f, "typed\n");
    assert_int_equal(await(asyncio_file_close(f)), 0);
    char rest[8] = "";
    assert_int_equal(read(STDIN_FILENO, rest, sizeof rest), 4); /* given back, and still open */
    assert_string_equal(rest, "more");
    dup2(kept, STDIN_FILENO);
    close(kept);
}

/* --- Writing --- */

ASYNC_TEST(written_when_told_to)
{
    file *f = await(asyncio_file_open(path, "w", .permissions = 0600));
    assert_int_equal(await(asyncio_file_write(f, "one ", 4)), 4);
    assert_int_equal(await(asyncio_file_write(f, "two", 3)), 3);
    assert_there("");
    assert_int_equal(asyncio_file_tell(f), 7);
    assert_int_equal(await(asyncio_file_flush(f)), 0);
    assert_there("one two");
    assert_int_equal(await(asyncio_file_write(f, "!", 1)), 1);
    assert_int_equal(await(asyncio_file_close(f)), 0);
    assert_there("one two!");
}

ASYNC_TEST(modes)
{
    put_text("old");
    assert_null(await(asyncio_file_open(path, "x")));
    assert_int_equal(asyncio_error(), -EEXIST);

    file *f = await(asyncio_file_open(path, "a"));
    assert_int_equal(asyncio_file_tell(f), 3);
    assert_int_equal(await(asyncio_file_write(f, "er", 2)), 2);
    assert_int_equal(await(asyncio_file_close(f)), 0);
    assert_there("older");

    f = await(asyncio_file_open(path, "r+"));
    assert_int_equal(await(asyncio_file_write(f, "A", 1)), 1);
    assert_int_equal(await(asyncio_file_close(f)), 0);
    assert_there("Alder");

    f = await(asyncio_file_open(path, "w+b"));
    assert_there("");
    assert_int_equal(await(asyncio_file_close(f)), 0);
    unlink(path);
    f = await(asyncio_file_open(path, "xt"));
    assert_int_equal(await(asyncio_file_close(f)), 0);
    assert_there("");
}

/* What is read ahead does not move where the next write goes, and the other way round. */
ASYNC_TEST(reads_and_writes_in_turn)
{
    put_text("one\ntwo\nten\n");
    file *f = await(asyncio_file_open(path, "r+"));

    assert_line(f, "one\n");
    assert_int_equal(await(asyncio_file_write(f, "TWO", 3)), 3);
    assert_line(f, "\n");
    assert_line(f, "ten\n");
    assert_int_equal(await(asyncio_file_seek(f, -4, SEEK_CUR)), 8);
    assert_int_equal(await(asyncio_file_write(f, "TEN", 3)), 3);
    assert_int_equal(await(asyncio_file_seek(f, 0, SEEK_SET)), 0);
    assert_line(f, "one\n");
    assert_int_equal(asyncio_file_tell(f), 4);
    assert_int_equal(await(asyncio_file_seek(f, -1, SEEK_SET)), -EINVAL);
    assert_int_equal(await(asyncio_file_close(f)), 0);
    assert_there("one\nTWO\nTEN\n");
}

ASYNC_TEST(a_full_device)
{
    enum { MUCH = 70000 };
    static const char much[MUCH];
    file *f = await(asyncio_file_open("/dev/full", "w"));

    assert_int_equal(await(asyncio_file_write(f, much, MUCH)), MUCH);
    assert_int_equal(await(asyncio_file_write(f, "x", 1)), -ENOSPC);
    assert_int_equal(await(asyncio_file_flush(f)), -ENOSPC);
    assert_int_equal(await(asyncio_file_close(f)), -ENOSPC);
    assert_int_equal(await(asyncio_file_close(f)), 0);
}

/* --- Who goes, and what then --- */

static async(void, leave_open)
{
    file *f = await(asyncio_file_open(path, "w"));
    await(asyncio_file_write(f, "left", 4));
}

ASYNC_TEST(left_open)
{
    await(asyncio_create_task(leave_open()));
    assert_there("left");
}

static async(void, leave_unwritable)
{
    file *f = await(asyncio_file_open("/dev/full", "w"));
    await(asyncio_file_write(f, "left", 4));
}

ASYNC_TEST(left_open_and_lost)
{
    listen_to_stderr();
    await(asyncio_create_task(leave_unwritable()));
    assert_says(what_was_said(), "4 bytes could not be written: No space left on device");
}

static async(file *, opens)
{
    return asyncio_retain(await(asyncio_file_open(path, "r")));
}

ASYNC_TEST(kept_beyond_its_task)
{
    put_text("text");
    file *f = await(asyncio_create_task(opens()));
    assert_line(f, "text");
    asyncio_release(f);
}

/* The file is its task's that made the coroutine object, whoever runs that. */
ASYNC_TEST(opened_by_a_task)
{
    put_text("text");
    file *f = await(asyncio_create_task(asyncio_file_open(path, "r")));
    assert_line(f, "text");

    asyncio_release(asyncio_file_open(path, "r")); /* never awaited */
    f = await(asyncio_file_open("/nowhere/at/all", "r"));
    assert_null(f);
    assert_int_equal(asyncio_error(), -ENOENT);
    assert_string_equal(asyncio_error_message(), "No such file or directory: '/nowhere/at/all'");
}

static async(ssize_t, read_line, (file *, f), (char **, line))
{
    return await(asyncio_file_readline(f, line));
}

/* Half a line has been read when the reader is cancelled: the next one has it all. */
ASYNC_TEST(a_cancelled_reader_loses_nothing)
{
    int fds[2];
    char *line;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    file *f = asyncio_file_fdopen(fds[0], "r", 0);

    assert_int_equal(write(fds[1], "half ", 5), 5);
    awaitable(ssize_t) t = asyncio_create_task(read_line(f, &line));
    for (int i = 0; i < 5; i++)
        await(asyncio_sleep(0));
    asyncio_cancel(t);
    assert_int_equal(await(t), -ECANCELED);
    assert_int_equal(write(fds[1], "a line\n", 7), 7);
    assert_line(f, "half a line\n");
    close(fds[1]);
    assert_int_equal(await(asyncio_file_close(f)), 0);
}

static async(int, write_much, (file *, f), (const char *, data), (size_t, n))
{
    await(asyncio_file_write(f, data, n));
    return await(asyncio_file_flush(f));
}

/* Cancelled wherever it is: every byte comes, once. */
ASYNC_TEST(a_cancelled_writer_loses_nothing)
{
    enum { MUCH = 200000 };
    static char data[MUCH], back[MUCH + 1];
    int fds[2];
    for (int i = 0; i < MUCH; i++)
        data[i] = (char)(i * 2654435761u >> 24);
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    file *w = asyncio_file_fdopen(fds[1], "w", 0), *r = asyncio_file_fdopen(fds[0], "r", 0);

    awaitable(int) t = asyncio_create_task(write_much(w, data, MUCH));
    for (int i = 0; i < 5; i++)
        await(asyncio_sleep(0));
    asyncio_cancel(t);
    assert_int_equal(await(t), -ECANCELED); /* the pipe is full */
    awaitable(ssize_t) reads = asyncio_create_task(asyncio_file_read(r, back, sizeof back));
    assert_int_equal(await(asyncio_file_close(w)), 0);
    assert_int_equal(await(reads), MUCH);
    assert_memory_equal(back, data, MUCH);
    assert_int_equal(await(asyncio_file_close(r)), 0);
}

/* --- Mistakes --- */

DEATH_TEST(a_mode_that_is_none, "ValueError: invalid mode: 'rw'")
{
    await(asyncio_file_open(path, "rw"));
}

DEATH_TEST(closed, "ValueError: I/O operation on closed file")
{
    file *f = await(asyncio_file_open("/dev/null", "r"));
    await(asyncio_file_close(f));
    asyncio_file_tell(f);
}

DEATH_TEST(not_opened, "ValueError: NULL is no file: was it opened?")
{
    await(asyncio_file_close(await(asyncio_file_open("/nowhere/at/all", "r"))));
}

DEATH_TEST(not_readable, "io.UnsupportedOperation: not readable")
{
    char c;
    await(asyncio_file_read(await(asyncio_file_open("/dev/null", "w")), &c, 1));
}

DEATH_TEST(not_writable, "io.UnsupportedOperation: not writable")
{
    await(asyncio_file_write(await(asyncio_file_open("/dev/null", "r")), "c", 1));
}

DEATH_TEST(two_at_once, "RuntimeError: close() called while another coroutine is already in "
                        "readline() of the same file")
{
    int fds[2];
    char *line;
    assert_int_equal(pipe(fds), 0);
    file *f = asyncio_file_fdopen(fds[0], "r", 0);
    asyncio_spawn(read_line(f, &line));
    await(asyncio_sleep(0));
    await(asyncio_file_close(f));
}

DEATH_TEST(gone, "RuntimeError: a file was used after the task that it belonged to ended")
{
    file *f = await(asyncio_file_open("/dev/null", "r"));
    asyncio_release(f);
    asyncio_file_fileno(f);
}

DEATH_TEST(not_to_be_awaited, "TypeError: file 'file' can't be used in 'await' expression")
{
    await((awaitable(int))(void *)await(asyncio_file_open("/dev/null", "r")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(lines),
        FILE_TEST(an_empty_file),
        FILE_TEST(many_lines),
        FILE_TEST(lines_and_pieces),
        FILE_TEST(bytes_of_every_value),
        FILE_TEST(much_at_once),
        FILE_TEST(a_line_beyond_the_limit),
        FILE_TEST(lines_from_a_pipe),
        FILE_TEST(standard_input),
        FILE_TEST(written_when_told_to),
        FILE_TEST(modes),
        FILE_TEST(reads_and_writes_in_turn),
        FILE_TEST(a_full_device),
        FILE_TEST(left_open),
        FILE_TEST(left_open_and_lost),
        FILE_TEST(kept_beyond_its_task),
        FILE_TEST(opened_by_a_task),
        FILE_TEST(a_cancelled_reader_loses_nothing),
        FILE_TEST(a_cancelled_writer_loses_nothing),
        FILE_TEST(a_mode_that_is_none),
        FILE_TEST(closed),
        FILE_TEST(not_opened),
        FILE_TEST(not_readable),
        FILE_TEST(not_writable),
        FILE_TEST(two_at_once),
        FILE_TEST(gone),
        FILE_TEST(not_to_be_awaited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
