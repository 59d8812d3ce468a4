/* icu.c -- ICU's functions, each of which loads ICU when the first of them is called.
 *
 * Linked into all processes, ICU would cost each 2 MB of memory, and most of them see no text for which it is asked
 * (core/text.c). So these stand in its place; who calls them does not notice. */
#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <unicode/ucal.h>
#include <unicode/uchar.h>
#include <unicode/uloc.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>
#include <unicode/uversion.h>

#include "core/log.h"

/* The functions of ICU that are called: a new one is added here, or the linker does not find it. */
/* clang-format off */
#define FUNCTIONS(F) \
    F(UBool, u_isUWhiteSpace, (UChar32 c), (c)) \
    F(UBool, u_hasBinaryProperty, (UChar32 c, UProperty which), (c, which)) \
    F(int32_t, u_getIntPropertyValue, (UChar32 c, UProperty which), (c, which)) \
    F(uint8_t, u_getCombiningClass, (UChar32 c), (c)) \
    F(int8_t, u_charType, (UChar32 c), (c)) \
    F(UChar32, u_tolower, (UChar32 c), (c)) \
    F(UChar32, u_foldCase, (UChar32 c, uint32_t options), (c, options)) \
    F(const char *, u_errorName, (UErrorCode code), (code)) \
    F(UChar *, u_strFromUTF8WithSub, (UChar *dest, int32_t room, int32_t *len, const char *src, int32_t n, UChar32 sub, \
        int32_t *subs, UErrorCode *error), (dest, room, len, src, n, sub, subs, error)) \
    F(char *, u_strToUTF8, (char *dest, int32_t room, int32_t *len, const UChar *src, int32_t n, UErrorCode *error), \
        (dest, room, len, src, n, error)) \
    F(const UNormalizer2 *, unorm2_getNFCInstance, (UErrorCode *error), (error)) \
    F(const UNormalizer2 *, unorm2_getNFKCInstance, (UErrorCode *error), (error)) \
    F(const UNormalizer2 *, unorm2_getNFKCCasefoldInstance, (UErrorCode *error), (error)) \
    F(UBool, unorm2_isNormalized, (const UNormalizer2 *form, const UChar *s, int32_t n, UErrorCode *error), \
        (form, s, n, error)) \
    F(int32_t, unorm2_normalize, (const UNormalizer2 *form, const UChar *src, int32_t n, UChar *dest, int32_t room, \
        UErrorCode *error), (form, src, n, dest, room, error)) \
    F(const char *const *, uloc_getISOCountries, (void), ())

/* Those of its calendars, which are a library of their own. */
#define CALENDAR_FUNCTIONS(F) \
    F(UCalendar *, ucal_open, (const UChar *zone, int32_t n, const char *locale, UCalendarType type, UErrorCode *error), \
        (zone, n, locale, type, error)) \
    F(void, ucal_close, (UCalendar *calendar), (calendar)) \
    F(void, ucal_clear, (UCalendar *calendar), (calendar)) \
    F(void, ucal_setAttribute, (UCalendar *calendar, UCalendarAttribute what, int32_t value), (calendar, what, value)) \
    F(void, ucal_setDateTime, (UCalendar *calendar, int32_t year, int32_t month, int32_t day, int32_t hour, int32_t minute, \
        int32_t second, UErrorCode *error), (calendar, year, month, day, hour, minute, second, error)) \
    F(UDate, ucal_getMillis, (const UCalendar *calendar, UErrorCode *error), (calendar, error))
/* clang-format on */

#define TEXT_OF(name) #name
#define TEXT(name) TEXT_OF(name)
#define POINTER(type, name, params, args) static type(*its_##name) params;
#define LOAD(type, name, params, args) *(void **)&its_##name = symbol(library, TEXT(name));
#define DEFINE(type, name, params, args)                                                                     \
    type name params                                                                                         \
    {                                                                                                        \
        need();                                                                                              \
        return its_##name args;                                                                              \
    }
#define DEFINE_CALENDAR(type, name, params, args)                                                            \
    type name params                                                                                         \
    {                                                                                                        \
        need_calendar();                                                                                     \
        return its_##name args;                                                                              \
    }

FUNCTIONS(POINTER)
CALENDAR_FUNCTIONS(POINTER)

static void *
symbol(void *library, const char *name)
{
    void *found = dlsym(library, name);

    if (found == NULL)
        sfms_die("ICU has no %s", name);
    return found;
}

static void *
open_library(const char *name)
{
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);

    if (library == NULL)
        sfms_die("ICU cannot be loaded: %s", dlerror());
    return library;
}

static void
load(void)
{
    void *library = open_library("libicuuc.so." TEXT(U_ICU_VERSION_MAJOR_NUM));

    FUNCTIONS(LOAD)
}

static void
need(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, load);
}

static void
load_calendar(void)
{
    void *library = open_library("libicui18n.so." TEXT(U_ICU_VERSION_MAJOR_NUM));

    CALENDAR_FUNCTIONS(LOAD)
}

static void
need_calendar(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, load_calendar);
}

FUNCTIONS(DEFINE)
CALENDAR_FUNCTIONS(DEFINE_CALENDAR)
