/* fields.c -- all that an organisation has defined for its records. Contract: proto/sfms/identity/v1/fields.proto. What must
 * agree in a definition is seen to by the database (schema/0116_fields.sql). */
#include "sfms/identity/v1/fields.pb-c.h"

#include "db/shapes.h"
#include "identity.h"

static sfms_status
get_shape(sfms_call *call, const void *in, void *out)
{
    (void)in;
    return sfms_shape_load(call, out);
}

static const sfms_method_row methods[] = {
    {"sfms.identity.v1.Fields/GetShape", get_shape},
    {NULL},
};

const sfms_noun identity_fields = {.methods = methods};
