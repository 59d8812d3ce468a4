/* contract_set.c -- the compiled descriptor set: options and comments by the names of things. */
#include "proto/contract_set.h"

#include <stdbool.h>
#include <string.h>

#include "core/log.h"

/* Field numbers of descriptor.proto, of which the paths in SourceCodeInfo are made. */
enum {
    FILE_MESSAGE = 4,
    FILE_SERVICE = 6,
    MESSAGE_FIELD = 2,
    MESSAGE_NESTED = 3,
    SERVICE_METHOD = 2,
};

typedef struct {
    const char *package;
    Google__Protobuf__EnumDescriptorProto *const *enums;
    size_t n_enums;
    sfms_set_message *messages;
    size_t n_messages;
    sfms_set_service *services;
    size_t n_services;
} file;

struct sfms_set {
    file *files;
    size_t n_files;
};

static void
index_messages(sfms_arena *a, sfms_set_message *to, const char *scope, size_t n,
    Google__Protobuf__DescriptorProto *const *protos)
{
    for (size_t i = 0; i < n; i++) {
        const Google__Protobuf__DescriptorProto *proto = protos[i];

        to[i].name = sfms_printf(a, "%s.%s", scope, proto->name);
        to[i].proto = proto;
        to[i].field_comments = sfms_new_array(a, const char *, proto->n_field);
        to[i].nested = sfms_new_array(a, sfms_set_message, proto->n_nested_type);
        index_messages(a, to[i].nested, to[i].name, proto->n_nested_type, proto->nested_type);
    }
}

/* clean answers a comment without the blank that each line begins with, and without space at its ends. */
static const char *
clean(sfms_arena *a, const char *comment)
{
    char *text = sfms_alloc(a, strlen(comment) + 1);
    char *to = text;

    for (const char *p = comment; *p != '\0'; p++) {
        bool line_start = p == comment || p[-1] == '\n';

        if (!line_start || *p != ' ')
            *to++ = *p;
    }
    while (to > text && (to[-1] == '\n' || to[-1] == ' '))
        to--;
    *to = '\0';
    return text + strspn(text, "\n ");
}

/* comment_place answers where the comment of the thing at a path is kept; NULL for things whose comments
 * nobody reads. */
static const char **
comment_place(file *f, const int32_t *path, size_t n)
{
    if (n < 2 || path[1] < 0)
        return NULL;
    size_t index = (size_t)path[1];
    if (path[0] == FILE_SERVICE && index < f->n_services) {
        sfms_set_service *s = &f->services[index];

        if (n != 4 || path[2] != SERVICE_METHOD)
            return n == 2 ? &s->comment : NULL;
        return path[3] >= 0 && (size_t)path[3] < s->proto->n_method ? &s->method_comments[path[3]] : NULL;
    }
    if (path[0] != FILE_MESSAGE || index >= f->n_messages)
        return NULL;

    sfms_set_message *m = &f->messages[index];
    size_t i = 2;
    for (; i + 1 < n && path[i] == MESSAGE_NESTED; i += 2) {
        if (path[i + 1] < 0 || (size_t)path[i + 1] >= m->proto->n_nested_type)
            return NULL;
        m = &m->nested[path[i + 1]];
    }
    if (i == n)
        return &m->comment;
    if (i + 2 != n || path[i] != MESSAGE_FIELD || path[i + 1] < 0 || (size_t)path[i + 1] >= m->proto->n_field)
        return NULL;
    return &m->field_comments[path[i + 1]];
}

static void
index_comments(sfms_arena *a, file *f, const Google__Protobuf__SourceCodeInfo *info)
{
    for (size_t i = 0; info != NULL && i < info->n_location; i++) {
        const Google__Protobuf__SourceCodeInfo__Location *l = info->location[i];
        const char *comment = l->leading_comments != NULL ? l->leading_comments : l->trailing_comments;

        if (comment == NULL)
            continue;
        const char **place = comment_place(f, l->path, l->n_path);
        if (place != NULL)
            *place = clean(a, comment);
    }
}

static void
index_file(sfms_arena *a, file *f, const Google__Protobuf__FileDescriptorProto *proto)
{
    f->package = proto->package;
    f->enums = proto->enum_type;
    f->n_enums = proto->n_enum_type;
    f->n_messages = proto->n_message_type;
    f->messages = sfms_new_array(a, sfms_set_message, f->n_messages);
    index_messages(a, f->messages, proto->package, f->n_messages, proto->message_type);

    f->n_services = proto->n_service;
    f->services = sfms_new_array(a, sfms_set_service, f->n_services);
    for (size_t i = 0; i < f->n_services; i++) {
        f->services[i].name = sfms_printf(a, "%s.%s", proto->package, proto->service[i]->name);
        f->services[i].proto = proto->service[i];
        f->services[i].method_comments = sfms_new_array(a, const char *, proto->service[i]->n_method);
    }
    /* Comments of files that are not ours are long and nobody reads them here. */
    if (strncmp(proto->package, "sfms.", 5) == 0)
        index_comments(a, f, proto->source_code_info);
}

sfms_set *
sfms_set_open(sfms_arena *a, const uint8_t *data, size_t n)
{
    Google__Protobuf__FileDescriptorSet *protos =
        (Google__Protobuf__FileDescriptorSet *)protobuf_c_message_unpack(
            &google__protobuf__file_descriptor_set__descriptor, sfms_arena_pb(a), n, data);

    if (protos == NULL)
        sfms_die("the descriptor set cannot be read");

    sfms_set *set = sfms_new(a, sfms_set);
    set->n_files = protos->n_file;
    set->files = sfms_new_array(a, file, protos->n_file);
    for (size_t i = 0; i < protos->n_file; i++)
        index_file(a, &set->files[i], protos->file[i]);
    return set;
}

static const sfms_set_message *
find_message(const sfms_set_message *messages, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        const sfms_set_message *m = &messages[i];
        size_t len = strlen(m->name);

        if (strncmp(name, m->name, len) != 0)
            continue;
        if (name[len] == '\0')
            return m;
        if (name[len] == '.')
            return find_message(m->nested, m->proto->n_nested_type, name);
    }
    return NULL;
}

const sfms_set_message *
sfms_set_find_message(const sfms_set *set, const char *name)
{
    for (size_t i = 0; i < set->n_files; i++) {
        const sfms_set_message *m = find_message(set->files[i].messages, set->files[i].n_messages, name);

        if (m != NULL)
            return m;
    }
    return NULL;
}

static const Google__Protobuf__EnumDescriptorProto *
find_enum(Google__Protobuf__EnumDescriptorProto *const *enums, size_t n, const char *short_name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(enums[i]->name, short_name) == 0)
            return enums[i];
    return NULL;
}

/* What stands before the last dot is a message that the enum is in, or a package. */
const Google__Protobuf__EnumDescriptorProto *
sfms_set_find_enum(const sfms_set *set, const char *name)
{
    const char *dot = strrchr(name, '.');
    size_t n = (size_t)(dot - name);

    for (size_t i = 0; i < set->n_files; i++) {
        const file *f = &set->files[i];
        const Google__Protobuf__EnumDescriptorProto *found = NULL;

        if (strlen(f->package) == n && strncmp(f->package, name, n) == 0)
            found = find_enum(f->enums, f->n_enums, dot + 1);
        for (size_t k = 0; found == NULL && k < f->n_messages; k++)
            if (strlen(f->messages[k].name) == n && strncmp(f->messages[k].name, name, n) == 0)
                found =
                    find_enum(f->messages[k].proto->enum_type, f->messages[k].proto->n_enum_type, dot + 1);
        if (found != NULL)
            return found;
    }
    return NULL;
}

const sfms_set_service *
sfms_set_find_service(const sfms_set *set, const char *name)
{
    for (size_t i = 0; i < set->n_files; i++)
        for (size_t j = 0; j < set->files[i].n_services; j++)
            if (strcmp(set->files[i].services[j].name, name) == 0)
                return &set->files[i].services[j];
    return NULL;
}

void *
sfms_set_option(
    sfms_arena *a, const ProtobufCMessage *options, uint32_t number, const ProtobufCMessageDescriptor *desc)
{
    for (unsigned i = 0; options != NULL && i < options->n_unknown_fields; i++) {
        const ProtobufCMessageUnknownField *u = &options->unknown_fields[i];

        if (u->tag != number || u->wire_type != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED)
            continue;

        /* In protobuf-c 1.4.1 the data of an unknown field of this kind begins with its length, a varint. */
        size_t head = 0;
        while (head < u->len && (u->data[head] & 0x80) != 0)
            head++;
        head++;
        if (head > u->len)
            sfms_die("option %u cannot be read", number);
        void *option = protobuf_c_message_unpack(desc, sfms_arena_pb(a), u->len - head, u->data + head);
        if (option == NULL)
            sfms_die("option %u cannot be read", number);
        return option;
    }
    return NULL;
}
