/* text_test.c -- when two texts are one, and when a text is nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/text.h"

/* What cannot be seen: blank, tab, line end, no-break space, ogham space, thin space, line separator, narrow no-break space,
 * ideographic space, zero width space, joiner, word joiner, byte order mark, soft hyphen, grapheme joiner, Hangul and Khmer
 * fillers, variation selectors, a direction mark, a tag, a control character, the empty Braille pattern. */
static const char *const hidden[] = {" ", "\t", "\r\n", "\u00a0", "\u1680", "\u2009", "\u2028", "\u202f",
    "\u3000", "\u200b", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u034f", "\u115f", "\u3164", "\uffa0",
    "\u17b5", "\ufe0f", "\U000e0100", "\u200e", "\u202e", "\U000e0061", "\x01", "\x7f", "\xc2\x85", "\u2800"};

enum { HIDDEN = sizeof hidden / sizeof hidden[0] };

static void
test_what_cannot_be_seen(void **state)
{
    sfms_arena *a = sfms_arena_new();

    for (size_t i = 0; i < HIDDEN; i++) {
        const char *twice = sfms_printf(a, "%s%s", hidden[i], hidden[i]);
        const char *inside = sfms_printf(a, "长%s沙", hidden[i]);

        assert_true(sfms_text_is_blank(hidden[i]));
        assert_true(sfms_text_hides(inside));
        assert_false(sfms_text_is_blank(inside));
        assert_string_equal(sfms_text_trim(a, twice), "");
        assert_string_equal(sfms_text_trim(a, sfms_printf(a, "%s%s%s", twice, inside, twice)), inside);
        assert_string_equal(sfms_text_fold(a, sfms_printf(a, "%sA%s", twice, twice)), "a");
    }
    assert_true(sfms_text_is_blank(""));
    assert_false(sfms_text_hides(""));
    sfms_arena_free(a);
    (void)state;
}

static void
test_what_can_be_seen_stays(void **state)
{
    static const char *const seen[] = {
        "x", "Acme GmbH", "长沙", "é", "é x", "😀", "ß", "\u2801", "\u0600", "\u4dff", "\ufffd"};
    sfms_arena *a = sfms_arena_new();

    for (size_t i = 0; i < sizeof seen / sizeof seen[0]; i++) {
        assert_ptr_equal(sfms_text_trim(a, seen[i]), seen[i]);
        assert_ptr_equal(sfms_text_nfc(a, seen[i]), seen[i]);
        assert_false(sfms_text_is_blank(seen[i]));
    }
    assert_false(sfms_text_hides("长沙é"));
    sfms_arena_free(a);
    (void)state;
}

static void
test_normal_forms(void **state)
{
    static const struct {
        const char *text, *nfc, *nfkc, *folded;
    } rows[] = {
        {"", "", "", ""},
        {"Acme  Ltd", "Acme  Ltd", "Acme  Ltd", "acme ltd"},
        {"Cafe\u0301 SA", "Café SA", "Café SA", "café sa"},
        {"o\u0308", "ö", "ö", "ö"},
        {"\u1100\u1161\u11a8", "각", "각", "각"},
        {"\u304b\u3099", "が", "が", "が"},
        {"q\u0307\u0323", "q\u0323\u0307", "q\u0323\u0307", "q\u0323\u0307"},
        {"\u2126", "\u03a9", "\u03a9", "\u03c9"},
        {"ＳＦＭＳ（湖南）", "ＳＦＭＳ（湖南）", "SFMS(湖南)", "sfms(湖南)"},
        {"ｶﾞ", "ｶﾞ", "ガ", "ガ"},
        {"ﬁ", "ﬁ", "fi", "fi"},
        {"Straße", "Straße", "Straße", "strasse"},
        {"STRASSE", "STRASSE", "STRASSE", "strasse"},
        {"ΣΊΣΥΦΟΣ", "ΣΊΣΥΦΟΣ", "ΣΊΣΥΦΟΣ", "σίσυφοσ"},
        {"ANN@MÜNCHEN.example", "ANN@MÜNCHEN.example", "ANN@MÜNCHEN.example", "ann@münchen.example"},
        {"云\u3000\u3000帆\u200b", "云\u3000\u3000帆\u200b", "云  帆\u200b", "云 帆"},
        {"a\u00adb", "a\u00adb", "a\u00adb", "ab"},
        {"\ufdfa", "\ufdfa", "صلى الله عليه وسلم", "صلى الله عليه وسلم"},
    };
    sfms_arena *a = sfms_arena_new();

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_string_equal(sfms_text_nfc(a, rows[i].text), rows[i].nfc);
        assert_string_equal(sfms_text_nfkc(a, rows[i].text), rows[i].nfkc);
        assert_string_equal(sfms_text_fold(a, rows[i].text), rows[i].folded);
        assert_string_equal(sfms_text_fold(a, rows[i].folded), rows[i].folded);
    }
    sfms_arena_free(a);
    (void)state;
}

static void
test_lower(void **state)
{
    static const struct {
        const char *text, *lower;
    } rows[] = {
        {"", ""},
        {"Ann.Lee@Example.COM", "ann.lee@example.com"},
        {"ANN@MÜNCHEN.example", "ann@münchen.example"},
        {"ANN@MU\u0308NCHEN.example", "ann@münchen.example"},
        {"Ａｎｎ＠ｅｘａｍｐｌｅ．ｃｏｍ", "ann@example.com"},
        {"Straße", "straße"},
        {"STRA\u1e9eE", "straße"},
        {"ΣΊΣΥΦΟΣ", "σίσυφοσ"},
        {"σίσυφος", "σίσυφοσ"},
        {"ПОЧТА@ПРИМЕР.рф", "почта@пример.рф"},
        {"\u0130", "i\u0307"},
        {"i\u0307", "i\u0307"},
        {"ꭰᎠ", "ꭰꭰ"},
        {"J\u030c", "\u01f0"},
        {"\u212a", "k"},
    };
    sfms_arena *a = sfms_arena_new();

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_string_equal(sfms_text_lower(a, rows[i].text), rows[i].lower);
        assert_string_equal(sfms_text_lower(a, rows[i].lower), rows[i].lower);
    }
    sfms_arena_free(a);
    (void)state;
}

/* Half a million marks on one letter, in the order that takes longest to sort, take no time. */
static void
test_a_heap_of_marks_stays(void **state)
{
    enum { PAIRS = 250000 };
    sfms_arena *a = sfms_arena_new();
    char *heap = sfms_alloc(a, 4 * PAIRS + 2);

    heap[0] = 'e';
    for (size_t i = 0; i < PAIRS; i++)
        memcpy(heap + 1 + 4 * i, "\u0301\u0323", 4);
    assert_ptr_equal(sfms_text_nfc(a, heap), heap);
    assert_ptr_equal(sfms_text_nfkc(a, heap), heap);
    assert_int_equal(strlen(sfms_text_fold(a, heap)), 4 * PAIRS + 1);
    sfms_arena_free(a);
    (void)state;
}

static void
test_what_is_no_utf8_does_no_harm(void **state)
{
    static const char *const broken[] = {
        "\x80", "a\xc3", "\xe9s", "\xf0\x9f\x98", "\xff\xfe", "\xed\xa0\x80"};
    sfms_arena *a = sfms_arena_new();

    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        sfms_text_trim(a, broken[i]);
        sfms_text_hides(broken[i]);
        sfms_text_nfc(a, broken[i]);
        sfms_text_nfkc(a, broken[i]);
        sfms_text_lower(a, broken[i]);
        sfms_text_fold(a, broken[i]);
    }
    sfms_arena_free(a);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_cannot_be_seen),
        cmocka_unit_test(test_what_can_be_seen_stays),
        cmocka_unit_test(test_normal_forms),
        cmocka_unit_test(test_lower),
        cmocka_unit_test(test_a_heap_of_marks_stays),
        cmocka_unit_test(test_what_is_no_utf8_does_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
