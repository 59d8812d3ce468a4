/* contract_set_test.c -- the descriptor set: options that arrive as unknown fields, comments by path. */
#include "../core/dies.h"

#include "proto/contract.h"
#include "proto/contract_set.h"

static sfms_arena *a;
static sfms_set *set;

/* What the code in sfms_set_option stands on: in protobuf-c 1.4.1 the data of an unknown field that is length-delimited
 * begins with its length. Should a later version change this, this test says so first. */
static void
test_unknown_fields_begin_with_their_length(void **state)
{
    /* field 50101, wire type 2, length 3: permission (field 1, length 1) "x" */
    static const uint8_t packed[] = {0xaa, 0xbb, 0x18, 3, 0x0a, 1, 'x'};
    Google__Protobuf__MethodOptions *options = (Google__Protobuf__MethodOptions *)protobuf_c_message_unpack(
        &google__protobuf__method_options__descriptor, sfms_arena_pb(a), sizeof packed, packed);

    (void)state;
    assert_non_null(options);
    assert_int_equal(options->base.n_unknown_fields, 1);
    const ProtobufCMessageUnknownField *u = &options->base.unknown_fields[0];
    assert_int_equal(u->tag, 50101);
    assert_int_equal(u->len, 4);
    assert_memory_equal(u->data, packed + 3, 4);

    Pb__MethodRule *rule = sfms_set_option(a, &options->base, 50101, &pb__method_rule__descriptor);
    assert_string_equal(rule->permission, "x");
    assert_null(sfms_set_option(a, &options->base, 50102, &pb__field_rule__descriptor));
    assert_null(sfms_set_option(a, NULL, 50101, &pb__method_rule__descriptor));
}

static void
test_long_option(void **state)
{
    /* A length that takes two bytes of varint. */
    uint8_t packed[5 + 303] = {0xaa, 0xbb, 0x18, 0xaf, 0x02, 0x0a, 0xac, 0x02};

    (void)state;
    memset(packed + 8, 'y', 300);
    ProtobufCMessage *options = protobuf_c_message_unpack(
        &google__protobuf__method_options__descriptor, sfms_arena_pb(a), sizeof packed, packed);
    assert_non_null(options);
    Pb__MethodRule *rule = sfms_set_option(a, options, 50101, &pb__method_rule__descriptor);
    assert_int_equal(strlen(rule->permission), 300);
}

static void
broken_option(const void *arg)
{
    static uint8_t data[] = {3, 0x0a, 9, 'x'}; /* says 9 and has 1 */
    ProtobufCMessageUnknownField u = {50101, PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED, 4, data};
    ProtobufCMessage options = {.n_unknown_fields = 1, .unknown_fields = &u};

    u.len = *(const size_t *)arg;
    sfms_set_option(a, &options, 50101, &pb__method_rule__descriptor);
}

static void
test_broken_option(void **state)
{
    (void)state;
    dies(broken_option, &(size_t){4}, "option 50101 cannot be read");
    dies(broken_option, &(size_t){0}, "option 50101 cannot be read");
}

static void
broken_set(const void *arg)
{
    sfms_set_open(a, (const uint8_t *)arg, 3);
}

static void
test_broken_set(void **state)
{
    (void)state;
    dies(broken_set, "\x0a\x7f\x01", "the descriptor set cannot be read");
}

static void
test_find(void **state)
{
    const sfms_set_message *m = sfms_set_find_message(set, "sfms.api.v1.GetRequest");

    (void)state;
    assert_string_equal(m->proto->name, "GetRequest");
    assert_string_equal(m->comment, "Asks for one resource.");
    assert_string_equal(m->field_comments[0], "The resource's id.");
    assert_null(sfms_set_find_message(set, "sfms.api.v1.GetReques"));
    assert_null(sfms_set_find_message(set, "sfms.api.v1.GetRequest.Inner"));
    assert_null(sfms_set_find_message(set, "GetRequest"));

    /* Nested, in a file that is not ours: found, without comments. */
    m = sfms_set_find_message(set, "google.protobuf.Struct.FieldsEntry");
    assert_true(m->proto->options->map_entry);
    assert_null(m->comment);

    assert_int_equal(sfms_set_find_enum(set, "sfms.api.v1.Verb")->n_value, pb__verb__descriptor.n_values);
    assert_int_equal(sfms_set_find_enum(set, "sfms.activities.v1.Task.Priority")->n_value, 4);
    assert_null(sfms_set_find_enum(set, "sfms.activities.v1.Priority"));

    const sfms_set_service *s = sfms_set_find_service(set, "sfms.rpc.v1.Health");
    assert_string_equal(
        s->method_comments[0], "Answers when the process can work; UNAVAILABLE while it cannot.");
    assert_null(sfms_set_find_service(set, "sfms.rpc.v1.Healt"));
}

static void
test_comments_of_several_lines(void **state)
{
    const sfms_set_message *m = sfms_set_find_message(set, "sfms.api.v1.ListRequest");

    static const char begins[] =
        "A condition in the grammar of AIP-160, e.g. `amount >= 10000 AND (stageId = \"…\" OR NOT currency = "
        "\"CNY\")`.\n"
        "`:` means \"contains\"; `field:*` means \"is set\". Where AND and OR meet, brackets are required.\n";

    (void)state;
    assert_int_equal(strncmp(m->field_comments[2], begins, strlen(begins)), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown_fields_begin_with_their_length),
        cmocka_unit_test(test_long_option),
        cmocka_unit_test(test_broken_option),
        cmocka_unit_test(test_broken_set),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_comments_of_several_lines),
    };
    size_t n;
    const uint8_t *data = sfms_contract_set(&n);

    a = sfms_arena_new();
    set = sfms_set_open(a, data, n);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sfms_arena_free(a);
    return failed;
}
