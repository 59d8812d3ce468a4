/*
 * shapes.h -- the shapes of organisations, kept in each process by their version.
 *
 * A principal says which version is his organisation's. One that has defined nothing costs nothing; one whose version is
 * kept, a look into a table; another, one query.
 */
#ifndef SFMS_DB_SHAPES_H
#define SFMS_DB_SHAPES_H

#include "db/db.h"
#include "proto/shape.h"

/* sfms_shape_enter gives the call the shape of its principal's organisation, which lives as long as the call's arena; none if the
 * principal does not say which version it is of. */
sfms_status sfms_shape_enter(sfms_call *call);

/* sfms_shape_again looks, once something was refused by the shape that the call has, whether the organisation has defined more
 * since: true if so, and the call has the new shape. */
bool sfms_shape_again(sfms_call *call);

/* sfms_shape_load reads the definitions of the call's organisation as they are now. */
sfms_status sfms_shape_load(sfms_call *call, Pb__Shape *ret);

#endif
