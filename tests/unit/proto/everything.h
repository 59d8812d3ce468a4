/*
 * everything.h -- a message with a field of every type, made by hand as protoc-c would make it, as no message of the contract
 * has them all.
 */
#ifndef SFMS_TEST_EVERYTHING_H
#define SFMS_TEST_EVERYTHING_H

#include <stdio.h>
#include <string.h>

#include "proto/contract_private.h"

typedef struct {
    ProtobufCMessage base;
    int32_t i32;
    uint32_t u32;
    int64_t i64;
    uint64_t u64;
    float f32;
    double f64;
    protobuf_c_boolean flag;
    Pb__Verb verb;
    const char *text;
    ProtobufCBinaryData bytes;
    size_t n_numbers;
    int64_t *numbers;
    size_t n_texts;
    const char **texts;
    uint32_t choice_case;
    union {
        int32_t chosen_number;
        const char *chosen_text;
    };
    const char *password;
} everything;

enum { EVERYTHING_FIELDS = 15 };

/* clang-format off */
#define EVERYTHING(id, label, type, member, quantifier, descriptor, flags)                                   \
    {                                                                                                        \
#member, id, PROTOBUF_C_LABEL_##label, PROTOBUF_C_TYPE_##type, offsetof(everything, quantifier),     \
            offsetof(everything, member), descriptor, NULL, flags                                            \
    }
/* clang-format on */

static const ProtobufCFieldDescriptor everything_fields[EVERYTHING_FIELDS] = {
    EVERYTHING(1, NONE, INT32, i32, base, NULL, 0),
    EVERYTHING(2, NONE, UINT32, u32, base, NULL, 0),
    EVERYTHING(3, NONE, INT64, i64, base, NULL, 0),
    EVERYTHING(4, NONE, UINT64, u64, base, NULL, 0),
    EVERYTHING(5, NONE, FLOAT, f32, base, NULL, 0),
    EVERYTHING(6, NONE, DOUBLE, f64, base, NULL, 0),
    EVERYTHING(7, NONE, BOOL, flag, base, NULL, 0),
    EVERYTHING(8, NONE, ENUM, verb, base, &pb__verb__descriptor, 0),
    EVERYTHING(9, NONE, STRING, text, base, NULL, 0),
    EVERYTHING(10, NONE, BYTES, bytes, base, NULL, 0),
    EVERYTHING(11, REPEATED, INT64, numbers, n_numbers, NULL, 0),
    EVERYTHING(12, REPEATED, STRING, texts, n_texts, NULL, 0),
    EVERYTHING(13, NONE, INT32, chosen_number, choice_case, NULL, PROTOBUF_C_FIELD_FLAG_ONEOF),
    EVERYTHING(14, NONE, STRING, chosen_text, choice_case, NULL, PROTOBUF_C_FIELD_FLAG_ONEOF),
    EVERYTHING(15, NONE, STRING, password, base, NULL, 0),
};

static const unsigned everything_by_name[EVERYTHING_FIELDS]; /* not looked at */
static const ProtobufCIntRange everything_ranges[] = {{1, 0}, {0, EVERYTHING_FIELDS}};

static const ProtobufCMessageDescriptor everything_descriptor = {
    .magic = PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,
    .name = "test.Everything",
    .short_name = "Everything",
    .c_name = "everything",
    .package_name = "test",
    .sizeof_message = sizeof(everything),
    .n_fields = EVERYTHING_FIELDS,
    .fields = everything_fields,
    .fields_sorted_by_name = everything_by_name,
    .n_field_ranges = 1,
    .field_ranges = everything_ranges,
};

/* everything_message answers its description; the same each time. Names are the same in JSON. */
static inline const sfms_message *
everything_message(void)
{
    static const Pb__FieldRule none = PB__FIELD_RULE__INIT;
    static Pb__FieldRule secret = PB__FIELD_RULE__INIT;
    static sfms_field fields[EVERYTHING_FIELDS];
    static uint16_t slots[64];
    static char keys[EVERYTHING_FIELDS][32];
    static sfms_message m = {
        &everything_descriptor, .comment = "", .n_fields = EVERYTHING_FIELDS, .fields = fields};

    secret.secret = 1;
    for (unsigned i = 0; i < EVERYTHING_FIELDS; i++) {
        const char *name = everything_fields[i].name;
        unsigned n = (unsigned)strlen(name);

        snprintf(keys[i], sizeof keys[i], ",\"%s\":", name);
        fields[i] = (sfms_field){.desc = &everything_fields[i],
            .json_name = name,
            .json_key = keys[i],
            .name_len = n,
            .json_name_len = n,
            .json_key_len = n + 4,
            .rule = i == 14 ? &secret : &none,
            .comment = ""};
    }
    memset(slots, 0, sizeof slots);
    m.slot_mask = 63;
    m.slots = slots;
    for (unsigned i = 0; i < EVERYTHING_FIELDS; i++) {
        unsigned slot = sfms_name_hash(fields[i].json_name, fields[i].json_name_len) & 63;

        while (slots[slot] != 0)
            slot = (slot + 1) & 63;
        slots[slot] = (uint16_t)(i + 1);
    }
    return &m;
}

#endif
