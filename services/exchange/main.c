/* sfms-exchange: what comes in, and what goes out. */
#include "exchange.h"
#include "work/jobs.h"

static const sfms_noun *const nouns[] = {
    &exchange_imports,
    &exchange_events,
    &exchange_operations,
    &exchange_bulk,
    NULL,
};

static const sfms_service service = {
    .name = "exchange",
    .about = "imports, operations, bulk changes, the event feed and the history of records",
    .nouns = nouns,
    .background = &sfms_work,
    .tells_news = true,
};

int
main(int argc, char **argv)
{
    return sfms_service_main(&service, argc, argv);
}
