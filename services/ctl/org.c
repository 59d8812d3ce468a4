/* org.c -- a new organisation with its first administrator. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"
#include "core/log.h"
#include "core/seal.h"
#include "ctl.h"
#include "sfms/identity/v1/orgs.pb-c.h"

enum { PASSWORD_FILE_MAX = 1024, PASSWORD_BYTES = 15 };

/* The first line of a file, or of standard input. */
static const char *
read_password(sfms_arena *a, const char *path)
{
    size_t n;
    char *text = sfms_read_file(strcmp(path, "-") == 0 ? "/dev/stdin" : path, PASSWORD_FILE_MAX, &n);
    const char *password;

    if (text == NULL)
        sfms_die("cannot read the password from %s: %s", path, strerror(errno));
    password = sfms_strndup(a, text, strcspn(text, "\r\n"));
    free(text);
    return password;
}

/* The field of the request that an option fills; the password comes from a file. */
static const struct option options[] = {
    {"name", required_argument, NULL, 'n'},
    {"admin-email", required_argument, NULL, 'e'},
    {"admin-name", required_argument, NULL, 'N'},
    {"admin-password-file", required_argument, NULL, 'p'},
    {"currency", required_argument, NULL, 'c'},
    {"time-zone", required_argument, NULL, 't'},
    {"locale", required_argument, NULL, 'l'},
    {"country", required_argument, NULL, 'C'},
    {NULL},
};

static void
read_options(sfms_arena *a, int argc, char **argv, Pb__CreateOrgRequest *request)
{
    while (true) {
        int c = getopt_long(argc, argv, "", options, NULL);

        if (c == -1)
            break;
        if (c == 'n')
            request->name = optarg;
        else if (c == 'e')
            request->admin_email = optarg;
        else if (c == 'N')
            request->admin_name = optarg;
        else if (c == 'p')
            request->admin_password = read_password(a, optarg);
        else if (c == 'c')
            request->currency = optarg;
        else if (c == 't')
            request->time_zone = optarg;
        else if (c == 'l')
            request->locale = optarg;
        else if (c == 'C')
            request->country = optarg;
        else
            ctl_usage("org create");
    }
    if (optind != argc || request->name[0] == '\0' || request->admin_email[0] == '\0')
        ctl_usage("org create");
}

/* Prints the ids, and the password if it was made here, as nobody else knows it. All are plain text. */
static void
print_org(const Pb__CreateOrgResponse *org, const char *made_password)
{
    printf("{\"orgId\":\"%s\",\"adminId\":\"%s\"", org->org_id, org->admin_id);
    if (made_password != NULL)
        printf(",\"adminPassword\":\"%s\"", made_password);
    printf("}\n");
}

int
ctl_org_create(int argc, char **argv)
{
    sfms_arena *a = sfms_arena_new();
    const sfms_method *m = sfms_contract_method(sfms_contract_load(), "sfms.identity.v1.Orgs/CreateOrg");
    Pb__CreateOrgRequest request = PB__CREATE_ORG_REQUEST__INIT;
    const char *made_password = NULL;
    ProtobufCMessage *response;
    sfms_links *links;

    read_options(a, argc, argv, &request);
    if (request.admin_password[0] == '\0')
        request.admin_password = made_password = sfms_random_text(a, PASSWORD_BYTES);
    links = ctl_links();
    response = ctl_response(a, m, ctl_send(links, a, m, &request.base, NULL));
    if (response != NULL)
        print_org((const Pb__CreateOrgResponse *)response, made_password);
    ctl_close(links, response != NULL ? 0 : 1);
    sfms_arena_free(a);
    return response != NULL ? 0 : 1;
}
