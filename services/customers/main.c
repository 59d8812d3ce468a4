/* sfms-customers: who we sell to. All of it is served from the contract in proto/sfms/customers/v1. */
#include "rpc/server.h"

static const sfms_noun *const nouns[] = {NULL};

static const sfms_service service = {
    .name = "customers",
    .about = "leads, accounts and contacts",
    .nouns = nouns,
};

int
main(int argc, char **argv)
{
    return sfms_service_main(&service, argc, argv);
}
