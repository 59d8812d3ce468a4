/* socket_test.c -- a process that hangs while it closes its sockets ends all the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "rpc/socket.h"

enum { IN_TIME = 7, TOO_LATE = 8 };

static void
closes(unsigned microseconds)
{
    sfms_socket_deadline(1);
    usleep(microseconds);
    sfms_socket_deadline(0);
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

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_deadline)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
