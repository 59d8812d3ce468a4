/* Tests the link with many callers at once, while a server goes away; and callers that wait. */
#include "link_server.h"

/* ---- many threads, and a server that comes and goes -------------------------------------------------- */

typedef struct {
    server *server;
    bool stop;
    unsigned long served;
} echo;

static void *
echo_thread(void *arg)
{
    echo *e = arg;

    while (!__atomic_load_n(&e->stop, __ATOMIC_ACQUIRE)) {
        server mine = *e->server;
        request r;

        if (!server_recv(&mine, 50, &r))
            continue;
        __atomic_fetch_add(&e->served, r.batch->n_calls, __ATOMIC_RELAXED);
        server_reply(&r, keys.reply, -1, false);
    }
    return NULL;
}

static void *
greet_and_echo_thread(void *arg)
{
    echo *e = arg;

    server_greet(e->server);
    return echo_thread(e);
}

typedef struct {
    sfms_link *link;
    int answered, failed;
} crowd;

enum { ROUNDS = 300, AT_ONCE = 16, THREADS = 4 };

static void *
crowd_thread(void *arg)
{
    crowd *w = arg;
    caller c[AT_ONCE];

    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < AT_ONCE; i++)
            start(w->link, &c[i], i % 4 == 0 ? &slow : i % 4 == 1 ? &point_read : &point_write, 5000);
        for (int i = 0; i < AT_ONCE; i++) {
            finish(&c[i]);
            w->answered += c[i].code == SFMS_OK;
            w->failed += c[i].code != SFMS_OK;
            if (c[i].code == SFMS_OK)
                assert_string_equal(c[i].response, c[i].request);
        }
    }
    return NULL;
}

static void
every_call_ends_once_whatever_happens(void **state)
{
    server a = server_start('a'), b = server_start('b');
    echo at_a[2] = {{&a}, {&a}}, at_b[2] = {{&b}, {&b}};
    pthread_t servers[4], callers[THREADS];
    crowd crowds[THREADS];
    sfms_link *link = link_to_both(&a, &b);
    int answered = 0;

    (void)state;
    for (int i = 0; i < 2; i++) {
        pthread_create(&servers[i], NULL, echo_thread, &at_a[i]);
        pthread_create(&servers[2 + i], NULL, echo_thread, &at_b[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        crowds[i] = (crowd){.link = link};
        pthread_create(&callers[i], NULL, crowd_thread, &crowds[i]);
    }
    usleep(100000);
    for (int i = 0; i < 2; i++) { /* b goes away in the middle of it all */
        __atomic_store_n(&at_b[i].stop, true, __ATOMIC_RELEASE);
        pthread_join(servers[2 + i], NULL);
    }
    server_stop(&b);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(callers[i], NULL);
        answered += crowds[i].answered;
        assert_int_equal(crowds[i].answered + crowds[i].failed, ROUNDS * AT_ONCE);
    }
    assert_true(answered > THREADS * ROUNDS * AT_ONCE / 2);
    for (int i = 0; i < 2; i++) {
        __atomic_store_n(&at_a[i].stop, true, __ATOMIC_RELEASE);
        pthread_join(servers[i], NULL);
    }
    sfms_link_close(link, 1000);
    server_stop(&a);
}

static void
waiting_callers_get_copies(void **state)
{
    server s = server_start('a');
    sfms_links *links;
    echo e = {&s};
    char list[256];
    pthread_t thread;
    sfms_arena *a = sfms_arena_new();
    sfms_link_call calls[3];
    Pb__Reply *replies[3];
    const char *requests[] = {"one", "two", "three"};

    (void)state;
    snprintf(list, sizeof(list), " other=ipc:///tmp/sfms-link-test-nobody.ipc ,\n test=%s\n", s.url);
    links = sfms_links_open_lazy(list, &keys);
    pthread_create(&thread, NULL, greet_and_echo_thread, &e);
    for (int i = 0; i < 3; i++)
        calls[i] = (sfms_link_call){.method = &point_read,
            .request = requests[i],
            .request_len = strlen(requests[i]),
            .deadline_us = sfms_mono_us() + 5000000};
    assert_null(sfms_links_find(links, "nobody"));
    sfms_link_wait(sfms_links_find(links, "test"), a, 3, calls, replies); /* connects first */
    for (int i = 0; i < 3; i++) {
        assert_null(replies[i]->status);
        assert_int_equal(replies[i]->response.len, strlen(requests[i]));
        assert_memory_equal(replies[i]->response.data, requests[i], strlen(requests[i]));
    }
    sfms_links_close(links, 1000);
    __atomic_store_n(&e.stop, true, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    sfms_arena_free(a);
    server_stop(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_ends_once_whatever_happens),
        cmocka_unit_test(waiting_callers_get_copies),
    };

    return cmocka_run_group_tests(tests, link_setup, NULL);
}
