/*
 * export.h -- a list as a file, page by page: CSV for spreadsheets, or a JSON document a line.
 *
 * What its rules are says ListRequest.format. The gateway asks the list's method for one page after the other, by the token
 * of the one before, so that no statement is longer than a page, and neither service nor gateway holds more than one.
 */
#ifndef GATEWAY_EXPORT_H
#define GATEWAY_EXPORT_H

#include "request.h"

/* export_open prepares a request of a list: at the address of its export it becomes a stream, before the first page is asked
 * for; at others it must not look like one. False if the call has failed. */
bool export_open(request *r);

/* export_answer sets the answer's headers, when the first page is there. */
void export_answer(request *r);

#endif
