/*
 * config.h -- configuration from the environment, by a table.
 *
 * The same table fills the struct, checks the values and prints --help. A value may also come from a
 * file: NAME_FILE names it, so that secrets need not be in the environment.
 */
#ifndef SFMS_CORE_CONFIG_H
#define SFMS_CORE_CONFIG_H

#include <stddef.h>

typedef enum { SFMS_OPT_TEXT, SFMS_OPT_INT, SFMS_OPT_SECRET } sfms_option_type;

typedef struct {
    const char *name;      /* environment variable, e.g. "SFMS_LISTEN" */
    sfms_option_type type; /* TEXT and SECRET fill a const char *, INT an int */
    size_t offset;         /* of the member in the struct */
    const char *fallback;  /* value if unset; NULL if it must be set */
    const char *help;      /* one line */
} sfms_option;

/* sfms_config_read fills the struct at out from the environment. Values live until the process ends. Ends the process
 * with a sentence on standard error if a value is missing or no number; prints the table and exits 0 if argv[1] is
 * --help, and the version if it is --version. The table ends with a NULL name. */
void sfms_config_read(const sfms_option *options, void *out, int argc, char **argv, const char *about);

/* sfms_config_path answers the file that NAME_FILE names; NULL if there is none. sfms_config_again answers what it has now,
 * without the line's end: the caller frees. NULL and errno if it cannot be read. */
const char *sfms_config_path(const char *name);
char *sfms_config_again(const char *name);

/* sfms_config_lookup finds name in a list such as "identity=ipc:///run/identity.ipc,pipeline=tcp://a:1|tcp://b:1" and
 * answers its value as a copy that lives until the process ends; NULL if it is not there. */
const char *sfms_config_lookup(const char *list, const char *name);

/* sfms_read_file reads a whole file of at most max bytes; NULL and errno if it cannot. The caller frees. */
char *sfms_read_file(const char *path, size_t max, size_t *ret_len);

#endif
