/* services.c -- calls to the running services. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/limits.h"
#include "core/log.h"
#include "core/time.h"
#include "ctl.h"
#include "proto/json.h"

enum {
    REACH_MS = 5000, /* how long to wait for a service to be there */
    REACH_STEP_MS = 10,
    CLOSE_SECONDS = 2, /* for all that is left to do once everything has been said */
};

sfms_links *
ctl_links(void)
{
    static sfms_wire_keys keys;

    if (ctl_env->services[0] == '\0')
        sfms_die("SFMS_SERVICES must be set: it says where the services are, e.g. "
                 "identity=ipc:///run/identity.ipc");
    if (ctl_env->secret[0] == '\0')
        sfms_die("SFMS_SECRET or SFMS_SECRET_FILE must be set: the services refuse unsigned messages");
    sfms_wire_keys_init(&keys, ctl_env->secret, &ctl_env->tls);
    return sfms_links_open_lazy(ctl_env->services, &keys);
}

/* Writes how a call ended: the sentence, then each field that is wrong. */
static void
print_status(const Pb__Status *status)
{
    fprintf(
        stderr, "%s %s: %s\n", sfms_status_name((sfms_status)status->code), status->reason, status->message);
    for (size_t i = 0; i < status->n_violations; i++)
        fprintf(stderr, "  %s %s (%s)\n", status->violations[i]->field, status->violations[i]->description,
            status->violations[i]->reason);
    if (status->retry_after > 0)
        fprintf(stderr, "  try again in %u s\n", status->retry_after);
}

ProtobufCMessage *
ctl_request(sfms_arena *a, const sfms_contract *c, const sfms_method *m, const char *json)
{
    sfms_call call = {.arena = a, .contract = c, .method = m, .request_id = ""};
    ProtobufCMessage *request = sfms_message_new(a, m->input->desc);
    cJSON *object = sfms_json_parse(&call, json, strlen(json));

    if (object != NULL && sfms_json_read(&call, m->input, object, "", request, NULL))
        return request;
    if (call.failure == NULL || call.failure->code == SFMS_OK)
        sfms_fail(&call, &sfms_bad_fields);
    print_status(call.failure);
    sfms_die("the request does not fit %s", m->input->desc->name);
}

/* A service that was just started takes a moment to be reached. */
static void
await(sfms_link *link)
{
    const struct timespec step = {.tv_nsec = REACH_STEP_MS * 1000000L};

    for (int ms = 0; ms < REACH_MS && !sfms_link_up(link); ms += REACH_STEP_MS)
        nanosleep(&step, NULL);
}

void
ctl_close(sfms_links *links, int status)
{
    fflush(NULL);
    sfms_socket_deadline(CLOSE_SECONDS, status);
    sfms_links_close(links, 0);
    sfms_socket_deadline(0, 0);
}

const Pb__Reply *
ctl_send(sfms_links *links, sfms_arena *a, const sfms_method *m, const ProtobufCMessage *request,
    const Pb__Principal *principal)
{
    sfms_link *link = sfms_links_find(links, m->service);
    size_t n = protobuf_c_message_get_packed_size(request);
    uint8_t *packed = sfms_alloc(a, n + 1);
    sfms_link_call call = {.method = m, .request = packed, .request_len = n, .principal = principal};
    Pb__Reply *reply = NULL;

    if (link == NULL)
        sfms_die("SFMS_SERVICES does not name the service \"%s\"", m->service);
    protobuf_c_message_pack(request, packed);
    await(link);
    call.deadline_us = sfms_mono_us() + SFMS_CALL_MS_DEFAULT * 1000L;
    sfms_link_wait(link, a, 1, &call, &reply);
    return reply;
}

ProtobufCMessage *
ctl_response(sfms_arena *a, const sfms_method *m, const Pb__Reply *reply)
{
    ProtobufCMessage *message;

    if (reply->status != NULL && reply->status->code != SFMS_OK) {
        print_status(reply->status);
        return NULL;
    }
    message = protobuf_c_message_unpack(
        m->output->desc, sfms_arena_pb(a), reply->response.len, reply->response.data);
    if (message == NULL)
        sfms_die("the answer is no %s", m->output->desc->name);
    return message;
}

void
ctl_print(sfms_arena *a, const sfms_message *m, const ProtobufCMessage *message)
{
    sfms_buf b;

    sfms_buf_init(&b, a, SFMS_MESSAGE_MAX);
    sfms_json_write(&b, m, message, NULL);
    if (!sfms_buf_ok(&b))
        sfms_die("the answer is too large to print");
    printf("%s\n", b.data);
}
