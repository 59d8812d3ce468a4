/* socket_test.c -- a peer that has gone is learned of by reading; a process that hangs while it closes its sockets ends all
 * the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "rpc/socket.h"

enum { IN_TIME = 7, TOO_LATE = 8 };

static void
closes(unsigned microseconds)
{
    sfms_socket_deadline(1, 0);
    usleep(microseconds);
    sfms_socket_deadline(0, 0);
    usleep(1200000);
    _exit(microseconds < 1000000 ? IN_TIME : TOO_LATE);
}

static int
status_of(unsigned microseconds)
{
    int status;
    pid_t child = fork();

    if (child == 0)
        closes(microseconds);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void
test_deadline(void **state)
{
    (void)state;
    assert_int_equal(status_of(1000), IN_TIME);
    assert_int_equal(status_of(5000000), 0);
}

/* Sends to a peer that has closed its end, with or without having read what came before. */
static ssize_t
send_to_nobody(int read_first)
{
    char head[9] = {0}, body[300] = {0}, byte;
    struct iovec parts[] = {{head, sizeof(head)}, {body, sizeof(body)}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t n;
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_int_equal(sendmsg(ends[0], &message, MSG_NOSIGNAL), sizeof(head) + sizeof(body));
    for (size_t i = 0; read_first && i < sizeof(head) + sizeof(body); i++)
        assert_int_equal(read(ends[1], &byte, 1), 1);
    close(ends[1]);
    n = sendmsg(ends[0], &message, MSG_NOSIGNAL);
    assert_true(read(ends[0], &byte, 1) <= 0); /* the end, or ECONNRESET */
    close(ends[0]);
    return n;
}

static void
test_what_cannot_be_written_counts_as_written(void **state)
{
    (void)state;
    if (!SFMS_NNG_OLD)
        skip();
    assert_non_null(sfms_hang_up); /* brings nng_old.c along */
    assert_int_equal(send_to_nobody(1), 309);
    assert_int_equal(send_to_nobody(0), 309);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_cannot_be_written_counts_as_written),
        cmocka_unit_test(test_deadline),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
