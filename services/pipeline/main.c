/* sfms-pipeline: what we are selling, and how far it is. */
#include "pipeline.h"

static const sfms_noun *const nouns[] = {
    &pipeline_moves,
    &pipeline_history,
    NULL,
};

static const sfms_service service = {
    .name = "pipeline",
    .about = "sales processes, products and deals",
    .nouns = nouns,
};

int
main(int argc, char **argv)
{
    return sfms_service_main(&service, argc, argv);
}
