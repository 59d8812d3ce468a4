/* phone.c -- telephone numbers. */
#include "proto/phone.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"
#include "core/text.h"
#include "core/utf8.h"
#include "proto/phone_rules.h"

enum {
    DIGITS_MAX = 20,         /* what is dialled from abroad has up to 15, and some before them at home */
    EXTENSION_MAX = 10,      /* behind a word for it */
    EXTENSION_SHORT_MAX = 6, /* behind a sign, behind which there could be another number */
};

/* ---- what people write ------------------------------------------------------------------------------- */

typedef struct {
    char number[DIGITS_MAX + 2]; /* "+" or not, and digits */
    size_t n;
    size_t before_dash; /* n at the last dash; 0 if there is none */
    char extension[EXTENSION_MAX + 1];
} written;

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool
is_dash(const char *s, size_t n)
{
    static const char *const dashes[] = {"-", "‐", "‑", "‒", "–", "—", "―", "−", "ー"};

    for (size_t i = 0; i < sizeof(dashes) / sizeof(dashes[0]); i++)
        if (strlen(dashes[i]) == n && memcmp(dashes[i], s, n) == 0)
            return true;
    return false;
}

/* is_filler is true for a character that is there for the eye only. */
static bool
is_filler(const char *s, size_t n)
{
    char one[5] = "";

    if (n == 1 && strchr(".()[]/", *s) != NULL)
        return true;
    memcpy(one, s, n);
    return is_dash(s, n) || sfms_text_is_blank(one);
}

/* marker answers the length of what stands before an extension; 0 if nothing does. *ret_most is how many digits may follow. */
static size_t
marker(const char *s, size_t *ret_most)
{
    static const struct {
        const char *text;
        size_t most;
    } markers[] = {
        {";ext=", EXTENSION_MAX},
        {"extension", EXTENSION_MAX},
        {"extn", EXTENSION_MAX},
        {"ext", EXTENSION_MAX},
        {"转分机", EXTENSION_MAX},
        {"轉分機", EXTENSION_MAX},
        {"转", EXTENSION_MAX},
        {"轉", EXTENSION_MAX},
        {"分机号", EXTENSION_MAX},
        {"分机", EXTENSION_MAX},
        {"分機", EXTENSION_MAX},
        {"内线", EXTENSION_MAX},
        {"內線", EXTENSION_MAX},
        {"内線", EXTENSION_MAX},
        {"x", EXTENSION_SHORT_MAX},
        {"#", EXTENSION_SHORT_MAX},
        {",", EXTENSION_SHORT_MAX},
    };

    for (size_t i = 0; i < sizeof(markers) / sizeof(markers[0]); i++) {
        size_t n = strlen(markers[i].text);

        if (strncasecmp(s, markers[i].text, n) == 0) {
            *ret_most = markers[i].most;
            return n;
        }
    }
    return 0;
}

/* skip_fillers answers where something else comes. */
static const char *
skip_fillers(const char *p)
{
    for (size_t step; *p != '\0'; p += step) {
        step = sfms_utf8_next(p, strlen(p));
        if (step == 0 || !is_filler(p, step))
            break;
    }
    return p;
}

/* read_extension reads digits up to the end of the text; false if there is anything else. */
static bool
read_extension(const char *p, size_t most, written *w)
{
    p = skip_fillers(p);
    if (*p == ':')
        p = skip_fillers(p + 1);
    size_t n = strspn(p, "0123456789");
    if (n == 0 || n > most || *skip_fillers(p + n) != '\0')
        return false;
    memcpy(w->extension, p, n);
    return true;
}

static bool
read_written(const char *text, written *w)
{
    size_t step, mark, most;

    for (const char *p = text; *p != '\0'; p += step) {
        step = sfms_utf8_next(p, strlen(p));
        if (step == 0)
            return false;
        if (is_digit(*p) || (*p == '+' && w->n == 0)) {
            if (w->n > DIGITS_MAX)
                return false;
            w->number[w->n++] = *p;
        } else if (is_filler(p, step)) {
            w->before_dash = is_dash(p, step) ? w->n : w->before_dash;
        } else {
            mark = marker(p, &most);
            return mark > 0 && w->n > 0 && read_extension(p + mark, most, w);
        }
    }
    return true;
}

/* ---- the rules --------------------------------------------------------------------------------------- */

static sfms_phone_rules_fn *rules;

/* The library is beside the program where both were built, and in lib/ beside its bin/ where they were installed. */
static void
load_rules(void)
{
    static const char *const places[] = {"sfms_phone.so", "../lib/sfms_phone.so"};
    char program[3072] = "", path[4096];
    ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);
    const char *slash = n > 0 ? strrchr(program, '/') : NULL;
    void *library = NULL;

    for (size_t i = 0; slash != NULL && library == NULL && i < sizeof(places) / sizeof(places[0]); i++) {
        snprintf(path, sizeof(path), "%.*s%s", (int)(slash + 1 - program), program, places[i]);
        library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    }
    if (library == NULL)
        sfms_die("the rules of phone numbers cannot be loaded: %s", dlerror());
    *(void **)&rules = dlsym(library, "sfms_phone_rules");
    if (rules == NULL)
        sfms_die("%s is not the library that it should be", path);
}

const char *
sfms_phone_normal(sfms_arena *a, const char *country, const char *text)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    written w = {.n = 0};
    char form[SFMS_PHONE_SIZE];

    if (!read_written(sfms_text_nfkc(a, text), &w) || (w.number[0] != '+' && country[0] == '\0'))
        return NULL;
    pthread_once(&once, load_rules);
    if (rules(w.number, country, false, form))
        return w.extension[0] != '\0' ? sfms_printf(a, "%s;ext=%s", form, w.extension) : sfms_strdup(a, form);
    /* 0731-88886666-8001: what is behind the last dash may be an extension, if all before it is a number. */
    size_t tail = w.n - w.before_dash;
    if (w.before_dash == 0 || tail == 0 || tail > EXTENSION_SHORT_MAX || w.extension[0] != '\0')
        return NULL;
    memcpy(w.extension, w.number + w.before_dash, tail);
    w.number[w.before_dash] = '\0';
    return rules(w.number, country, true, form) ? sfms_printf(a, "%s;ext=%s", form, w.extension) : NULL;
}
