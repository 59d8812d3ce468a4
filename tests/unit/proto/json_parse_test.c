/* json_parse_test.c -- text to a tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdlib.h>

#include "core/limits.h"
#include "proto/json.h"

static sfms_arena *a;

static sfms_call
new_call(void)
{
    return (sfms_call){.arena = a, .request_id = "r"};
}

static void
fails(const char *text, size_t n, const char *reason, const char *message)
{
    sfms_call call = new_call();

    assert_null(sfms_json_parse(&call, text, n));
    assert_string_equal(call.failure->reason, reason);
    assert_string_equal(call.failure->message, message);
}

static void
test_tree(void **state)
{
    static const char text[] = "\xef\xbb\xbf {\"a\":[1,\"x\\u00e9\",true,null],\"b\":{\"c\":-1.5e2}} ";
    sfms_call call = new_call();
    cJSON *tree = sfms_json_parse(&call, text, strlen(text));

    (void)state;
    assert_non_null(tree);
    assert_null(call.failure);
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(tree, "a");
    assert_int_equal(cJSON_GetArraySize(list), 4);
    assert_string_equal(cJSON_GetArrayItem(list, 1)->valuestring, "xé");
    assert_true(cJSON_GetObjectItem(cJSON_GetObjectItem(tree, "b"), "c")->valuedouble == -150);
    assert_true(cJSON_IsNull(sfms_json_parse(&call, "null", 4)));
}

static void
test_failures(void **state)
{
    char deep[64];

    (void)state;
    fails("", 0, "BAD_JSON", "The body is not valid JSON near byte 1.");
    fails("{\"a\":01}", 8, "BAD_JSON", "The body is not valid JSON near byte 7.");
    fails("\xef\xbb\xbf{x", 5, "BAD_JSON", "The body is not valid JSON near byte 5.");
    fails("{} x", 4, "BAD_JSON", "The body is not valid JSON near byte 4.");
    memset(deep, '[', sizeof deep);
    fails(deep, sizeof deep, "TOO_DEEP", "The body is nested too deeply.");
    fails("{\"a\":1,\"b\":2,\"a\":3}", 19, "DUPLICATE_KEY", "The key \"a\" stands twice in one object.");
    fails("[{\"a\":{\"x\":1,\"\\u0078\":2}}]", 26, "DUPLICATE_KEY",
        "The key \"x\" stands twice in one object.");
}

/* It is JSON, but nothing here can hold it: said where it stands. */
static void
test_nul(void **state)
{
    static const struct {
        const char *text, *field;
    } rows[] = {
        {"\"\\u0000\"", "deal."},
        {"{\"name\":\"a\\u0000b\"}", "deal.name"},
        {"\xef\xbb\xbf{\"a\":[{},{\"x\":1,\"y\":[\"\\\"\",\"2\",\"\\u0000\"]}]}", "deal.a[1].y[2]"},
        {"{\"a\":{\"b.c\":{\"d\":\"{[\",\"e\":[1,2]},\"f\":\"\\u0000\"}}", "deal.a.f"},
        {"{\"a\":{\"b.c\":\"\\u0000\"}}", "deal.a.b\\.c"},
        {"{\"a\":{\"x\":1,\"\\u0000\":2}}", "deal.a"},
        {"[[1,[\"\\u0000\"]]]", "deal.[0]"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        sfms_call call = new_call();

        assert_null(sfms_json_parse_at(&call, "deal.", rows[i].text, strlen(rows[i].text)));
        assert_string_equal(call.failure->reason, "INVALID_FIELDS");
        assert_int_equal(call.failure->n_violations, 1);
        assert_string_equal(call.failure->violations[0]->reason, "NUL_CHARACTER");
        assert_string_equal(call.failure->violations[0]->field, rows[i].field);
    }
}

static void
test_duplicates_among_many(void **state)
{
    sfms_call call = new_call();
    sfms_buf b;

    /* Far too many to compare each with each. */
    (void)state;
    sfms_buf_init(&b, a, SFMS_BODY_MAX);
    sfms_buf_char(&b, '{');
    for (int i = 0; i < 60000; i++)
        sfms_buf_printf(&b, "\"key%d\":0,", i);
    size_t before_last = b.len;
    sfms_buf_add(&b, "\"last\":0}");
    assert_true(sfms_buf_ok(&b));
    assert_non_null(sfms_json_parse(&call, b.data, b.len));
    b.len = before_last;
    sfms_buf_add(&b, "\"key31234\":0}");
    assert_null(sfms_json_parse(&call, b.data, b.len));
    assert_string_equal(call.failure->reason, "DUPLICATE_KEY");
}

static void
test_not_beyond_the_end(void **state)
{
    /* The text is not followed by a NUL; the sanitizer looks after the rest. */
    char *text = malloc(7);
    sfms_call call = new_call();

    (void)state;
    memcpy(text, "[1,234]", 7);
    assert_non_null(sfms_json_parse(&call, text, 7));
    assert_null(sfms_json_parse(&call, text, 6));
    memcpy(text, "1234567", 7);
    assert_true(sfms_json_parse(&call, text, 7)->valuedouble == 1234567);
    free(text);
}

/* Numbers that a double does not hold keep their text. */
static void
test_odd_numbers(void **state)
{
    static const char text[] = "[1,9007199254740993,[0.1,{\"x\":1e400,\"y\":2}],"
                               "1234567890123456789012345678901234567890123456789012345678901234567890,3]";
    sfms_call call = new_call();
    const cJSON *tree = sfms_json_parse(&call, text, strlen(text));

    (void)state;
    assert_non_null(tree);
    assert_null(cJSON_GetArrayItem(tree, 0)->valuestring);
    assert_string_equal(cJSON_GetArrayItem(tree, 1)->valuestring, "9007199254740993");
    const cJSON *inner = cJSON_GetArrayItem(cJSON_GetArrayItem(tree, 2), 1);
    assert_string_equal(cJSON_GetObjectItem(inner, "x")->valuestring, "1e400");
    assert_null(cJSON_GetObjectItem(inner, "y")->valuestring);
    assert_int_equal(strlen(cJSON_GetArrayItem(tree, 3)->valuestring), 70);
    assert_true(cJSON_GetArrayItem(tree, 4)->valuedouble == 3);
}

/* What the database holds may be deeper and longer than what a request may bring. */
static void
test_stored(void **state)
{
    char deep[128];

    (void)state;
    memset(deep, '[', 64);
    memset(deep + 64, ']', 64);
    assert_non_null(sfms_json_stored(a, deep, 128));
    memset(deep, '[', 65);
    assert_null(sfms_json_stored(a, deep, 128));
    assert_null(sfms_json_stored(a, "{", 1));
    assert_string_equal(sfms_json_stored(a, "12345678901234567890", 20)->valuestring, "12345678901234567890");
}

static void
test_many_values(void **state)
{
    char *text = malloc(2 * SFMS_JSON_VALUES + 2);

    (void)state;
    for (int i = 0; i <= SFMS_JSON_VALUES; i++)
        memcpy(text + 2 * i, i == 0 ? "[0" : ",0", 2);
    text[2 * SFMS_JSON_VALUES] = ']';
    fails(text, 2 * SFMS_JSON_VALUES + 1, "TOO_MANY_VALUES", "The body has more than 65536 values.");
    free(text);
}

static void
test_usual_use_of_cjson(void **state)
{
    /* Trees that others make are theirs to delete. */
    (void)state;
    cJSON *own = cJSON_CreateObject();
    cJSON_AddStringToObject(own, "a", "b");
    char *text = cJSON_PrintUnformatted(own);
    assert_string_equal(text, "{\"a\":\"b\"}");
    cJSON_free(text);
    cJSON_Delete(own);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_nul),
        cmocka_unit_test(test_duplicates_among_many),
        cmocka_unit_test(test_not_beyond_the_end),
        cmocka_unit_test(test_odd_numbers),
        cmocka_unit_test(test_stored),
        cmocka_unit_test(test_many_values),
        cmocka_unit_test(test_usual_use_of_cjson),
    };

    a = sfms_arena_new();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sfms_arena_free(a);
    return failed;
}
