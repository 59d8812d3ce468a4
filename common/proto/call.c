/* call.c -- one call: on whose behalf, with what, and how it ends. */
#include "proto/call.h"

#include <string.h>

#include "core/limits.h"

static Pb__Status *
failure_of(sfms_call *call)
{
    if (call->failure == NULL) {
        call->failure = sfms_new(call->arena, Pb__Status);
        pb__status__init(call->failure);
    }
    return call->failure;
}

static const char *
sentence(const sfms_call *call, const sfms_reason *reason, va_list args)
{
    return sfms_vprintf(call->arena, reason->text[call->locale], args);
}

const char *
sfms_text(sfms_call *call, const sfms_reason *reason, ...)
{
    va_list args;

    va_start(args, reason);
    const char *text = sentence(call, reason, args);
    va_end(args);
    return text;
}

sfms_status
sfms_fail(sfms_call *call, const sfms_reason *reason, ...)
{
    Pb__Status *failure = failure_of(call);
    va_list args;

    va_start(args, reason);
    failure->message = sentence(call, reason, args);
    va_end(args);
    failure->code = (int32_t)reason->status;
    failure->reason = reason->name;
    return reason->status;
}

sfms_status
sfms_violate(sfms_call *call, const char *field, const sfms_reason *reason, ...)
{
    va_list args;

    va_start(args, reason);
    sfms_status status = sfms_vviolate(call, field, reason, args);
    va_end(args);
    return status;
}

static void
add_violation(sfms_call *call, const char *field, const char *description, const char *reason)
{
    Pb__Status *failure = call->failure;
    if (failure->n_violations >= SFMS_VIOLATIONS_MAX)
        return;

    Pb__Violation *v = sfms_new(call->arena, Pb__Violation);
    pb__violation__init(v);
    v->field = sfms_strdup(call->arena, field);
    v->description = (char *)(uintptr_t)description;
    v->reason = (char *)(uintptr_t)reason;

    /* A new array each time: violations are few, and the old one may be of a message that was unpacked. */
    Pb__Violation **all = sfms_new_array(call->arena, Pb__Violation *, failure->n_violations + 1);
    for (size_t i = 0; i < failure->n_violations; i++)
        all[i] = failure->violations[i];
    all[failure->n_violations++] = v;
    failure->violations = all;
}

sfms_status
sfms_vviolate(sfms_call *call, const char *field, const sfms_reason *reason, va_list args)
{
    if (call->failure == NULL)
        sfms_fail(call, &sfms_bad_fields);
    add_violation(call, field, sentence(call, reason, args), reason->name);
    return SFMS_INVALID_ARGUMENT;
}

const char *
sfms_field_path(const sfms_call *call, const char *field)
{
    const sfms_field *wrapper = sfms_method_holder(call->method);

    return wrapper == NULL ? field : sfms_printf(call->arena, "%s.%s", wrapper->desc->name, field);
}

sfms_status
sfms_violate_field(sfms_call *call, const char *field, const sfms_reason *reason, ...)
{
    va_list args;

    va_start(args, reason);
    sfms_status status = sfms_vviolate(call, sfms_field_path(call, field), reason, args);
    va_end(args);
    return status;
}

sfms_call
sfms_aside(const sfms_call *call, const sfms_method *method)
{
    sfms_call aside = *call;

    sfms_call_retry(&aside);
    aside.method = method;
    aside.condition = (sfms_condition){0};
    return aside;
}

/* Whether a failure is one of what was asked for, rather than of the machine or of the moment. */
static bool
is_about_request(const Pb__Status *failure)
{
    switch (failure->code) {
    case SFMS_INVALID_ARGUMENT:
    case SFMS_OUT_OF_RANGE:
    case SFMS_FAILED_PRECONDITION:
    case SFMS_NOT_FOUND:
    case SFMS_ALREADY_EXISTS:
    case SFMS_PERMISSION_DENIED:
        return true;
    default:
        return false;
    }
}

/* Where in the call's request the field is that an aside names. */
static const char *
below(const sfms_call *call, const sfms_call *aside, const char *pointer, const char *field)
{
    const sfms_field *wrapper = sfms_message_resource_field(aside->method->input);
    size_t n = wrapper != NULL ? wrapper->name_len : 0;

    if (n > 0 && strncmp(field, wrapper->desc->name, n) == 0 && field[n] == '.')
        field += n + 1;
    return pointer == NULL || pointer[0] == '\0' ? field : sfms_printf(call->arena, "%s.%s", pointer, field);
}

sfms_status
sfms_blame(sfms_call *call, const sfms_call *aside, const char *pointer)
{
    const Pb__Status *failure = aside->failure;

    if (failure == NULL)
        return SFMS_OK;
    if (aside->note != NULL)
        call->note = aside->note;
    if (!is_about_request(failure)) {
        call->failure = aside->failure;
        return (sfms_status)failure->code;
    }
    if (call->failure != NULL && !is_about_request(call->failure))
        return (sfms_status)failure->code;
    if (call->failure != NULL && failure->n_violations == 0)
        add_violation(call, pointer != NULL ? pointer : "", failure->message, failure->reason);
    if (call->failure == NULL) {
        *failure_of(call) = *failure;
        call->failure->n_violations = 0;
    }
    for (size_t i = 0; i < failure->n_violations; i++) {
        const Pb__Violation *v = failure->violations[i];

        add_violation(call, below(call, aside, pointer, v->field), v->description, v->reason);
    }
    return (sfms_status)failure->code;
}

bool
sfms_expects_version(const sfms_call *call, uint64_t version)
{
    const sfms_condition *c = &call->condition;

    for (size_t i = 0; i < c->n_versions; i++)
        if (c->versions[i] == version)
            return true;
    return c->n_versions == 0;
}

sfms_status
sfms_violations(const sfms_call *call)
{
    return call->failure != NULL && call->failure->n_violations > 0 ? SFMS_INVALID_ARGUMENT : SFMS_OK;
}

void
sfms_call_note(sfms_call *call, const char *text)
{
    call->note = sfms_strdup(call->arena, text);
}

void
sfms_call_retry(sfms_call *call)
{
    call->failure = NULL;
    call->note = NULL;
    call->version = 0;
    call->created = false;
}

bool
sfms_may(const sfms_call *call, const char *permission)
{
    for (size_t i = 0; call->principal != NULL && i < call->principal->n_permissions; i++)
        if (strcmp(call->principal->permissions[i], permission) == 0)
            return true;
    return false;
}

/* The digits of a collection in Principal.reach, "deals=21100 leads=33331"; NULL if the role says nothing of it. */
static const char *
reach_digits(const Pb__Principal *p, const char *collection)
{
    size_t n = strlen(collection);

    for (const char *at = p->reach; *at != '\0'; at += strcspn(at, " "), at += *at == ' ') {
        if (strncmp(at, collection, n) == 0 && at[n] == '=')
            return at + n + 1;
    }
    return NULL;
}

Pb__Visibility
sfms_reach(const sfms_call *call, const char *collection, sfms_reach_verb verb)
{
    const char *digits = call->principal != NULL ? reach_digits(call->principal, collection) : NULL;

    if (digits != NULL && strspn(digits, "0123") > (size_t)verb)
        return (Pb__Visibility)(digits[verb] - '0');
    return call->principal != NULL ? call->principal->visibility : PB__VISIBILITY__VISIBILITY_UNSPECIFIED;
}

bool
sfms_sees_pool(const sfms_call *call, const char *collection)
{
    const char *digits = call->principal != NULL ? reach_digits(call->principal, collection) : NULL;

    if (digits != NULL && strspn(digits, "0123") > SFMS_TO_EXPORT + 1)
        return digits[SFMS_TO_EXPORT + 1] == '1';
    return call->principal != NULL && call->principal->visibility == PB__VISIBILITY__ORG;
}

sfms_status
sfms_allowed(sfms_call *call, bool trusted)
{
    const Pb__MethodRule *rule = call->method->rule;

    if (rule->internal)
        return trusted ? SFMS_OK : sfms_fail(call, &sfms_no_permission, "internal");
    if (rule->public_)
        return SFMS_OK;
    if (call->principal == NULL)
        return sfms_fail(call, &sfms_no_token);
    if (rule->signed_in || sfms_may(call, rule->permission))
        return SFMS_OK;
    return sfms_fail(call, &sfms_no_permission, rule->permission);
}
