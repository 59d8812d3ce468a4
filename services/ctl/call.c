/* call.c -- any method, with JSON in and out. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"
#include "core/id.h"
#include "core/limits.h"
#include "core/log.h"
#include "core/seal.h"
#include "ctl.h"
#include "proto/principal.h"
#include "sfms/identity/v1/sessions.pb-c.h"

enum { SIGNED_MS = 60000 };

/* Finds a method by its full name, by "Deals/MoveDeal" or by "MoveDeal". */
static const sfms_method *
find_method(const sfms_contract *c, const char *name)
{
    const sfms_method *exact = sfms_contract_method(c, name);
    const sfms_method *found = NULL;
    const char *slash = strchr(name, '/');
    unsigned n;
    const sfms_method *methods = sfms_contract_methods(c, &n);

    for (unsigned i = 0; i < n && exact == NULL; i++) {
        const sfms_method *m = &methods[i];
        size_t group = slash != NULL ? (size_t)(slash - name) : 0;

        if (strcmp(m->short_name, slash != NULL ? slash + 1 : name) != 0)
            continue;
        if (slash != NULL && (strncmp(m->group, name, group) != 0 || m->group[group] != '\0'))
            continue;
        if (found != NULL)
            sfms_die("%s may be %s or %s; say which", name, found->name, m->name);
        found = m;
    }
    if (exact == NULL && found == NULL)
        sfms_die("there is no method %s", name);
    return exact != NULL ? exact : found;
}

/* Signs the principal with a key made for this one call. Who can put it where the services look for it owns the database. */
static void
sign(sfms_arena *a, Pb__Principal *p)
{
    PGconn *conn = ctl_connect();
    sfms_key_pair pair;
    char id[SFMS_ID_SIZE];
    const char *values[2] = {id}, *now_ms;

    sfms_id_make(id);
    sfms_key_pair_make(&pair);
    values[1] = sfms_hex(a, pair.public_key, SFMS_PUBLIC_SIZE);
    now_ms = ctl_text(conn, a,
        "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint FROM identity.add_signer($1::uuid, "
        "$2)",
        2, values);
    sfms_principal_sign(a, p, id, &pair, strtoll(now_ms, NULL, 10) + SIGNED_MS);
    PQfinish(conn);
}

/* The principal of a user, as identity knows him. */
static const Pb__Principal *
principal_of(sfms_links *links, sfms_arena *a, const sfms_contract *c, const char *org, const char *user)
{
    const sfms_method *m = sfms_contract_method(c, "sfms.identity.v1.Sessions/GetPrincipal");
    Pb__GetPrincipalRequest request = PB__GET_PRINCIPAL_REQUEST__INIT;
    ProtobufCMessage *principal;

    request.org_id = org;
    request.user_id = user;
    principal = ctl_response(a, m, ctl_send(links, a, m, &request.base, NULL));
    if (principal == NULL)
        sfms_die("nobody can be asked as user %s of organisation %s", user, org);
    sign(a, (Pb__Principal *)principal);
    return (const Pb__Principal *)principal;
}

static char *
read_input(void)
{
    size_t n;
    char *text = sfms_read_file("/dev/stdin", SFMS_MESSAGE_MAX, &n);

    if (text == NULL)
        sfms_die("cannot read standard input: %s", strerror(errno));
    return text;
}

static int
run(const char *name, const char *json, const char *org, const char *user)
{
    const sfms_contract *c = sfms_contract_load();
    const sfms_method *m = find_method(c, name);
    sfms_arena *a = sfms_arena_new();
    ProtobufCMessage *request = ctl_request(a, c, m, json);
    sfms_links *links = ctl_links();
    const Pb__Principal *principal = org != NULL ? principal_of(links, a, c, org, user) : NULL;
    ProtobufCMessage *response = ctl_response(a, m, ctl_send(links, a, m, request, principal));
    int status = response != NULL ? 0 : 1;

    if (response != NULL)
        ctl_print(a, m->output, response);
    ctl_close(links, status);
    sfms_arena_free(a);
    return status;
}

int
ctl_call(int argc, char **argv)
{
    static const struct option options[] = {
        {"as-org", required_argument, NULL, 'o'},
        {"as-user", required_argument, NULL, 'u'},
        {NULL},
    };
    const char *org = NULL, *user = NULL;
    char *input = NULL;
    int status;

    while (true) {
        int c = getopt_long(argc, argv, "", options, NULL);

        if (c == -1)
            break;
        if (c == 'o')
            org = optarg;
        else if (c == 'u')
            user = optarg;
        else
            ctl_usage("call");
    }
    if (argc - optind != 2 || (org == NULL) != (user == NULL))
        ctl_usage("call");
    if (strcmp(argv[optind + 1], "-") == 0)
        input = read_input();
    status = run(argv[optind], input != NULL ? input : argv[optind + 1], org, user);
    free(input);
    return status;
}
