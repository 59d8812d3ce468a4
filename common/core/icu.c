/* icu.c -- ICU's functions, each of which loads ICU when the first of them is called.
 *
 * Linked into all processes, ICU would cost each 2 MB of memory, and most of them see no text for which it is asked
 * (core/text.c). So these stand in its place; who calls them does not notice. */
#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
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

FUNCTIONS(POINTER)

static void *
symbol(void *library, const char *name)
{
    void *found = dlsym(library, name);

    if (found == NULL)
        sfms_die("ICU has no %s", name);
    return found;
}

static void
load(void)
{
    void *library = dlopen("libicuuc.so." TEXT(U_ICU_VERSION_MAJOR_NUM), RTLD_NOW | RTLD_LOCAL);

    if (library == NULL)
        sfms_die("ICU cannot be loaded: %s", dlerror());
    FUNCTIONS(LOAD)
}

static void
need(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, load);
}

FUNCTIONS(DEFINE)
