/* Network addresses as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/address.h"

static void
test_one_address_in_many_forms(void **state)
{
    static const struct {
        const char *text, *address;
    } cases[] = {
        {"203.0.113.5", "203.0.113.5"},
        {"203.0.113.5:4711", "203.0.113.5"},
        {" 203.0.113.5\t", "203.0.113.5"},
        {"\"203.0.113.5:80\"", "203.0.113.5"},
        {"[203.0.113.5]:80", "203.0.113.5"},
        {"::ffff:203.0.113.5", "203.0.113.5"},
        {"[::FFFF:cb00:7105]:443", "203.0.113.5"},
        {"64:ff9b::203.0.113.5", "203.0.113.5"},
        {"2001:db8::1", "2001:db8::1"},
        {"[2001:db8::1]", "2001:db8::1"},
        {"[2001:DB8:0:0::1]:65535", "2001:db8::1"},
        {"\"[2001:db8:0::1]:1\"", "2001:db8::1"},
        {"fe80::1%eth0", "fe80::1"},
        {"[fe80::1%25eth0]:1", "fe80::1"},
        {"::1", "::1"},
        {"", ""},
        {"unknown", ""},
        {"_hidden", ""},
        {"203.0.113", ""},
        {"203.0.113.5.6", ""},
        {"203.0.113.256", ""},
        {"[2001:db8::1", ""},
        {"2001:db8:::1", ""},
        {":80", ""},
        {"[]:80", ""},
        {"1.2.3.4 5.6.7.8", ""},
        {"0000000000000000000000000000000000000000000000000000000000000000000001.2.3.4", ""},
    };
    char address[SFMS_ADDRESS_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool found = sfms_address_read(cases[i].text, strlen(cases[i].text), address);

        assert_string_equal(address, cases[i].address);
        assert_int_equal(found, cases[i].address[0] != '\0');
    }
}

static void
test_networks(void **state)
{
    char network[SFMS_ADDRESS_SIZE];

    (void)state;
    sfms_address_network("203.0.113.5", network);
    assert_string_equal(network, "203.0.113.5");
    sfms_address_network("2001:db8:1:2:3:4:5:6", network);
    assert_string_equal(network, "2001:db8:1:2::/64");
    sfms_address_network("2001:db8:1:2::7", network);
    assert_string_equal(network, "2001:db8:1:2::/64");
    sfms_address_network("::1", network);
    assert_string_equal(network, "::/64");
    sfms_address_network("", network);
    assert_string_equal(network, "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_address_in_many_forms),
        cmocka_unit_test(test_networks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
