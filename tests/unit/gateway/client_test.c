/* At which address a request begins: which entry of X-Forwarded-For counts, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/client.c"

static void
expect(int proxies, const char *list, const char *peer, const char *claimed)
{
    static gateway gw;
    request r = {.gw = &gw, .peer = "192.0.2.1", .head.forwarded_for = list};

    gw.config.trust_proxy = proxies;
    r.call.arena = sfms_arena_new();
    client_find(&r);
    assert_string_equal(r.call.peer, peer);
    if (claimed == NULL)
        assert_null(r.call.claimed);
    else
        assert_string_equal(r.call.claimed, claimed);
    sfms_arena_free(r.call.arena);
}

static void
test_trusted(void **state)
{
    (void)state;
    expect(1, NULL, "192.0.2.1", NULL);
    expect(1, "203.0.113.5", "203.0.113.5", NULL);
    expect(1, "forged, 203.0.113.5:4711", "203.0.113.5", NULL);
    expect(1, "203.0.113.5,[2001:db8::1]:1", "2001:db8::1", NULL);
    expect(1, "203.0.113.5, unknown", "192.0.2.1", NULL);
    expect(1, "203.0.113.5,", "192.0.2.1", NULL);
    expect(1, "", "192.0.2.1", NULL);
    expect(2, "198.51.100.1, 203.0.113.5, 10.0.0.1", "203.0.113.5", NULL);
    expect(2, "203.0.113.5", "203.0.113.5", NULL);
    expect(3, "203.0.113.5,10.0.0.1", "203.0.113.5", NULL);
}

static void
test_not_trusted(void **state)
{
    (void)state;
    expect(0, NULL, "192.0.2.1", NULL);
    expect(0, "198.51.100.1, 203.0.113.5", "192.0.2.1", "203.0.113.5");
    expect(NOT_SAID, "203.0.113.5:1", "192.0.2.1", "203.0.113.5");
    expect(0, "junk", "192.0.2.1", NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trusted),
        cmocka_unit_test(test_not_trusted),
    };

    sfms_log_open("test", "error");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
