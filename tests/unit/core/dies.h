/*
 * dies.h -- tests of code that ends the process: it runs in a child, and what it wrote is looked at.
 */
#ifndef SFMS_TEST_DIES_H
#define SFMS_TEST_DIES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* output_of runs fn in a child, whose standard output and error go to out, and answers its wait status. */
static inline int
output_of(void (*fn)(const void *arg), const void *arg, char *out, size_t size)
{
    int ends[2];
    int status;
    size_t n = 0;

    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        fn(arg);
        fflush(NULL);
        _exit(0);
    }
    close(ends[1]);
    for (;;) {
        ssize_t got = read(ends[0], out + n, size - 1 - n);

        if (got <= 0)
            break;
        n += (size_t)got;
    }
    out[n] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

/* dies asserts that fn ends the process with status 1 and a sentence that holds the text. */
static inline void
dies(void (*fn)(const void *arg), const void *arg, const char *text)
{
    char out[16384];
    int status = output_of(fn, arg, out, sizeof out);

    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
    if (strstr(out, text) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", text, out);
}

#endif
