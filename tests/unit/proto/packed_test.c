/* packed_test.c -- protobuf's encoding, held against protobuf-c's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "everything.h"
#include "google/protobuf/timestamp.pb-c.h"
#include "proto/packed.h"

static sfms_arena *a;

static sfms_buf
empty(size_t max)
{
    sfms_buf b;

    sfms_buf_init(&b, a, max);
    return b;
}

static sfms_packed
bytes_of(const sfms_buf *b)
{
    return (sfms_packed){(const uint8_t *)b->data, b->len};
}

static void
test_like_protobuf_c(void **state)
{
    everything e = {.base = {.descriptor = &everything_descriptor},
        .i32 = -1,
        .u32 = UINT32_MAX,
        .i64 = INT64_MIN,
        .u64 = UINT64_MAX,
        .f32 = 0.5f,
        .f64 = -0.1,
        .flag = 1,
        .verb = (Pb__Verb)3,
        .text = "云"};
    sfms_buf ours = empty(1 << 20);
    uint32_t bits32;
    uint64_t bits64;
    uint8_t theirs[256];

    (void)state;
    memcpy(&bits32, &e.f32, sizeof bits32);
    memcpy(&bits64, &e.f64, sizeof bits64);
    sfms_pack_varint(&ours, 1, (uint64_t)e.i32);
    sfms_pack_varint(&ours, 2, e.u32);
    sfms_pack_varint(&ours, 3, (uint64_t)e.i64);
    sfms_pack_varint(&ours, 4, e.u64);
    sfms_pack_32(&ours, 5, bits32);
    sfms_pack_64(&ours, 6, bits64);
    sfms_pack_varint(&ours, 7, 1);
    sfms_pack_varint(&ours, 8, 3);
    sfms_pack_bytes(&ours, 9, "云", 3);
    assert_int_equal(protobuf_c_message_pack(&e.base, theirs), ours.len);
    assert_memory_equal(ours.data, theirs, ours.len);
}

static void
test_there_and_back(void **state)
{
    sfms_buf b = empty(1 << 20);
    sfms_packed p;
    sfms_packed_field f;

    (void)state;
    sfms_pack_varint(&b, 1, UINT64_MAX);
    sfms_pack_32(&b, 15, 0x01020304);
    sfms_pack_64(&b, 16, 0x0102030405060708);
    sfms_pack_bytes(&b, 536870911, "x\0y", 3); /* the greatest number there is */
    sfms_pack_bytes(&b, 3, NULL, 0);
    p = bytes_of(&b);
    assert_true(
        sfms_packed_next(&p, &f) && f.number == 1 && f.type == SFMS_WIRE_VARINT && f.bits == UINT64_MAX);
    assert_true(sfms_packed_next(&p, &f) && f.number == 15 && f.type == SFMS_WIRE_32 && f.bits == 0x01020304);
    assert_true(sfms_packed_next(&p, &f) && f.number == 16 && f.bits == 0x0102030405060708);
    assert_true(sfms_packed_next(&p, &f) && f.number == 536870911 && f.bytes.n == 3);
    assert_memory_equal(f.bytes.at, "x\0y", 3);
    assert_true(sfms_packed_next(&p, &f) && f.number == 3 && f.type == SFMS_WIRE_BYTES && f.bytes.n == 0);
    assert_false(sfms_packed_next(&p, &f));
    assert_int_equal(p.n, 0);
}

/* A message of each length around those where the length itself takes one byte more. */
static void
test_lengths(void **state)
{
    static const size_t lengths[] = {0, 1, 127, 128, 16383, 16384, 2097151, 2097152};

    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        size_t n = lengths[i];
        sfms_buf b = empty(4 << 20);
        char *content = sfms_alloc(a, n);
        sfms_packed p;
        sfms_packed_field f, after;

        memset(content, 'm', n);
        sfms_pack_varint(&b, 1, 5);
        size_t begin = sfms_pack_begin(&b, 2);
        sfms_buf_mem(&b, content, n);
        sfms_pack_end(&b, begin);
        sfms_pack_varint(&b, 3, 7);
        p = bytes_of(&b);
        assert_true(sfms_packed_next(&p, &f) && f.bits == 5);
        assert_true(sfms_packed_next(&p, &f) && f.number == 2 && f.bytes.n == n);
        assert_memory_equal(f.bytes.at, content, n);
        assert_true(sfms_packed_next(&p, &after) && after.bits == 7 && p.n == 0);
        assert_int_equal(b.data[b.len], '\0');
        sfms_arena_reset(a);
    }
}

static void
test_messages(void **state)
{
    Google__Protobuf__Timestamp t = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    sfms_buf b = empty(1000);
    sfms_packed_field outer, inner;

    (void)state;
    t.seconds = -5;
    t.nanos = 7;
    sfms_pack_message(&b, 9, &t.base);
    assert_true(sfms_packed_find(bytes_of(&b), 9, &outer));
    assert_true(sfms_packed_find(outer.bytes, 1, &inner) && (int64_t)inner.bits == -5);
    assert_true(sfms_packed_find(outer.bytes, 2, &inner) && inner.bits == 7);
    assert_false(sfms_packed_find(outer.bytes, 3, &inner));
    sfms_pack_varint(&b, 9, 1); /* the last one counts */
    assert_true(sfms_packed_find(bytes_of(&b), 9, &outer) && outer.type == SFMS_WIRE_VARINT);
}

static void
test_bound(void **state)
{
    Google__Protobuf__Timestamp t = GOOGLE__PROTOBUF__TIMESTAMP__INIT;

    (void)state;
    t.seconds = 1795445417;
    for (size_t max = 0; max < 40; max++) {
        sfms_buf b = empty(max);
        size_t begin = sfms_pack_begin(&b, 1);

        sfms_pack_message(&b, 2, &t.base);
        sfms_pack_bytes(&b, 3, "0123456789012345678", 19);
        sfms_pack_end(&b, begin);
        assert_true(b.len <= max);
        assert_int_equal(
            sfms_buf_ok(&b), max >= 32); /* 31 bytes, and one more while the length was not known */
    }
}

static void
refused(const char *bytes, size_t n)
{
    sfms_packed p = {(const uint8_t *)bytes, n};
    sfms_packed_field f;

    while (sfms_packed_next(&p, &f))
        ;
    assert_true(p.n > 0);
}

#define REFUSED(text) refused(text, sizeof text - 1)

static void
test_junk(void **state)
{
    (void)state;
    REFUSED("\x08");                                             /* no value */
    REFUSED("\x08\x80");                                         /* half a value */
    REFUSED("\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"); /* more than 64 bits */
    REFUSED("\x80\x80\x80\x80\x80\x01\x01");                     /* more than 32 bits of tag */
    REFUSED("\x00\x01");                                         /* number 0 */
    REFUSED("\x0a\x05"
            "abcd"); /* shorter than it says */
    REFUSED("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
            "abcd");
    REFUSED("\x0d\x01\x02\x03");
    REFUSED("\x09\x01\x02\x03\x04\x05\x06\x07");
    REFUSED("\x0b\x0c"); /* a group */
    REFUSED("\x08\x01\x0e\x01");
}

static void
test_zigzag(void **state)
{
    static const int64_t numbers[] = {0, -1, 1, -2, INT32_MIN, INT32_MAX, INT64_MIN, INT64_MAX};

    (void)state;
    assert_int_equal(sfms_zigzag(-1), 1);
    assert_int_equal(sfms_zigzag(1), 2);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        assert_true(sfms_unzigzag(sfms_zigzag(numbers[i])) == numbers[i]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_like_protobuf_c),
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_bound),
        cmocka_unit_test(test_junk),
        cmocka_unit_test(test_zigzag),
    };

    a = sfms_arena_new();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sfms_arena_free(a);
    return failed;
}
