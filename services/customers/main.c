/* sfms-customers: who we sell to. */
#include "customers.h"

static const sfms_noun *const nouns[] = {
    &customers_conversion,
    NULL,
};

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
