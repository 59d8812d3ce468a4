/* phone_test.c -- telephone numbers as people write them, in the country where they do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/phone.h"

typedef struct {
    const char *text;
    const char *normal; /* NULL if it is refused */
} row;

static sfms_arena *a;

static void
check(const char *country, const row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *normal = sfms_phone_normal(a, country, rows[i].text);

        if ((normal == NULL) != (rows[i].normal == NULL) ||
            (normal != NULL && strcmp(normal, rows[i].normal) != 0))
            fail_msg(
                "\"%s\" in %s became \"%s\"", rows[i].text, country, normal != NULL ? normal : "(refused)");
        if (normal != NULL) /* the normal form is its own */
            assert_string_equal(sfms_phone_normal(a, country, normal), normal);
    }
}

#define CHECK(country, rows) check(country, rows, sizeof(rows) / sizeof((rows)[0]))

static void
test_china(void **state)
{
    static const row rows[] = {
        {"138 0013 8000", "+8613800138000"},
        {"+86 138-0013-8000", "+8613800138000"},
        {"86 13800138000", "+8613800138000"},
        {"0086 138 0013 8000", "+8613800138000"},
        {"0731-88886666", "+8673188886666"},
        {"（0731）88886666", "+8673188886666"},
        {"０７３１－８８８８６６６６", "+8673188886666"},
        {"０７３１　８８８８　６６６６", "+8673188886666"},
        {"0731—88886666", "+8673188886666"},
        {"0731 – 8888 6666", "+8673188886666"},
        {"010-65529988", "+861065529988"},
        {"+86 (0)731 8888 6666", "+8673188886666"},
        {"+86（0731）8888 6666", "+8673188886666"},
        {"\xe2\x80\xad+86 138 0013 8000\xe2\x80\xac",
            "+8613800138000"}, /* marks of direction, as phones copy them */
        {"400-820-8820", "+864008208820"},
        {"800 810 8888", "+868008108888"},
        {"95588", "95588"},
        {"９５５８８", "95588"},
        {"10086", "10086"},
        {"110", "110"},
        {"122", "122"},
        {"12306", "12306"},
        {"1 2 3 4 5", "12345"},
        {"96110", "96110"},
        {"968888", "968888"},
        {"118114", "118114"},
        {"1234", NULL},
        {"123456", NULL},
        {"54321", NULL},
        {"9612", NULL},
        {"+86 95588", "+8695588"},
        {"0731-88886666 转 8001", "+8673188886666;ext=8001"},
        {"0731-88886666转8001", "+8673188886666;ext=8001"},
        {"0731-88886666 轉 8001", "+8673188886666;ext=8001"},
        {"0731-88886666 分机：８００１", "+8673188886666;ext=8001"},
        {"0731-88886666 ext. 8001", "+8673188886666;ext=8001"},
        {"0731-88886666x8001", "+8673188886666;ext=8001"},
        {"0731-88886666#8001", "+8673188886666;ext=8001"},
        {"0731-88886666,8001", "+8673188886666;ext=8001"},
        {"0731-88886666-8001", "+8673188886666;ext=8001"},
        {"+86-731-88886666-8001", "+8673188886666;ext=8001"},
        {"400-820-8820 转 12", "+864008208820;ext=12"},
        {"95588 转 1", "95588;ext=1"},
        {"+8673188886666;ext=8001", "+8673188886666;ext=8001"},
        {"88886666", NULL}, /* without its area */
        {"1-415-555-0142", NULL},
        {"(415) 555-0142", NULL}, /* Dandong, for whoever does not dial its zero */
        {"86 731 88886666", "+8673188886666"},
        {"12345678", NULL},
        {"138001380001", NULL},
        {"1380013800", NULL},
        {"0731-88886666,88886667", NULL}, /* two numbers */
        {"0731-88886666/88886667", NULL},
        {"0731-88886666 转", NULL},
        {"转 8001", NULL},
        {"0731-88886666 转 8001 李", NULL},
        {"0731-88886666 转 12345678901", NULL},
    };

    (void)state;
    CHECK("CN", rows);
}

static void
test_others(void **state)
{
    static const row us[] = {
        {"1-415-555-0142", "+14155550142"},
        {"1 (800) 555-0199", "+18005550199"},
        {"(415) 555-0142", "+14155550142"},
        {"415.555.0142 x12", "+14155550142;ext=12"},
        {"011 44 20 7946 0018", "+442079460018"},
        {"911", "911"},
        {"+86 138 0013 8000", "+8613800138000"},
        {"138 0013 8000", NULL},
        {"555-0142", NULL},
        {"1-800-FLOWERS", NULL},
    };
    static const row de[] = {{"089 1234567", "+49891234567"}, {"+49 (0)89 1234567", "+49891234567"},
        {"0151 23456789", "+4915123456789"}, {"030/901820", "+4930901820"}};
    static const row gb[] = {{"020 7946 0018", "+442079460018"}, {"07400 123456", "+447400123456"},
        {"(740) 555-1234", NULL}, {"+44 (0)20 7946 0018", "+442079460018"},
        {"020 7946 0018 ext 12", "+442079460018;ext=12"}};
    static const row jp[] = {{"03-1234-5678", "+81312345678"}, {"０３－１２３４－５６７８", "+81312345678"},
        {"090-1234-5678", "+819012345678"}, {"0120-123-456", "+81120123456"},
        {"03ー1234ー5678 内線 12", "+81312345678;ext=12"}};
    static const row hk[] = {
        {"2123 4567", "+85221234567"}, {"9123 4567", "+85291234567"}, {"138 0013 8000", NULL}};
    static const row tw[] = {{"02-2345-6789", "+886223456789"}, {"0912-345-678", "+886912345678"},
        {"(02)2345-6789#12", "+886223456789;ext=12"}};
    static const row in[] = {{"098765 43210", "+919876543210"}, {"98765 43210", "+919876543210"},
        {"022 2345 6789", "+912223456789"}};
    static const row br[] = {{"(11) 91234-5678", "+5511912345678"}, {"011 2345-6789", "+551123456789"}};
    static const row fr[] = {{"01 23 45 67 89", "+33123456789"}, {"1 23 45 67 89", NULL},
        {"+33 (0)6 12 34 56 78", "+33612345678"}};
    static const row it[] = {{"06 1234 5678", "+390612345678"}, {"+39 06 1234 5678", "+390612345678"}};
    static const row sg[] = {{"6123 4567", "+6561234567"}};
    static const row kr[] = {{"02-312-3456", "+8223123456"}, {"010-1234-5678", "+821012345678"}};

    (void)state;
    CHECK("US", us);
    CHECK("DE", de);
    CHECK("GB", gb);
    CHECK("JP", jp);
    CHECK("HK", hk);
    CHECK("TW", tw);
    CHECK("IN", in);
    CHECK("BR", br);
    CHECK("FR", fr);
    CHECK("IT", it);
    CHECK("SG", sg);
    CHECK("KR", kr);
}

/* Nobody knows where a number belongs that does not say so; one with "+" is the same everywhere. */
static void
test_nowhere(void **state)
{
    static const row rows[] = {
        {"+8613800138000", "+8613800138000"},
        {"+1 (555) 010.9999", "+15550109999"},
        {"+86（10）6552 9988", "+861065529988"},
        {"+49/30/1234567", "+49301234567"},
        {"+86 0731-8888 6666", "+8673188886666"},
        {"+800 1234 5678", "+80012345678"},
        {"＋86 13800138000", "+8613800138000"},
        {"+8613912345678x1", "+8613912345678;ext=1"},
        {"+86 199 9999 9999", "+8619999999999"},
        {"+86 198 0000 0000;ext=0012", "+8619800000000;ext=0012"}, /* an extension keeps its zeros */
        {"13800138000", NULL},
        {"95588", NULL},
        {"0731-88886666", NULL},
        {"+123456789012345", NULL}, /* too long for its country */
        {"+1234567", NULL},
        {"+999 1234 5678", NULL}, /* no country */
        {"+0123456789", NULL},
        {"++8613912345678", NULL},
        {"86+13912345678", NULL},
        {"+86 139 CALL ME", NULL},
        {"+1 (0", NULL},
        {"+", NULL},
        {"-", NULL},
        {"", NULL},
        {"转8001", NULL},
        {"+8613912345678;ext=", NULL},
        {"+8613912345678;ext=8001;ext=8002", NULL},
        {"+861391234567813912345678139123456781391234567813912345678", NULL},
        {"\xff", NULL},
    };

    (void)state;
    CHECK("", rows);
    CHECK("AQ", rows); /* has no numbers of its own */
    check("CN", rows, 10);
    check("US", rows, 10);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_china),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_nowhere),
    };

    a = sfms_arena_new();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sfms_arena_free(a);
    return failed;
}
