/*
 * ctl.h -- the operator's tool: commands, each in a file of its name, and what they share.
 */
#ifndef SFMS_CTL_H
#define SFMS_CTL_H

#include <libpq-fe.h>

#include "db/db.h"
#include "proto/call.h"
#include "rpc/link.h"

/* What sfmsctl takes from the environment. "" where unset; a command that needs a value says so. */
typedef struct {
    const char *database_url;      /* as owner: a superuser or a role with CREATEROLE */
    const char *passwords[6];      /* of the services' roles, in the order of ctl_services */
    const char *database_password; /* of those that have none of their own */
    const char *owner_password;    /* of sfms_owner */
    const char *services;          /* name=url[|url],... */
    const char *secret;            /* of the wire */
    sfms_tls tls;                  /* for addresses of tls+tcp */
} ctl_config;

extern const ctl_config *ctl_env;

/* The services that log in; each has a role sfms_<name>, a member of sfms_service. Ends with a NULL. */
extern const char *const ctl_services[];

/* Commands get the arguments after their name, argv[0] being the name, and answer the exit status. */
int ctl_prepare(int argc, char **argv);
int ctl_migrate(int argc, char **argv);
int ctl_health(int argc, char **argv);
int ctl_call(int argc, char **argv);
int ctl_org_create(int argc, char **argv);
int ctl_keygen(int argc, char **argv);
int ctl_load(int argc, char **argv);
int ctl_readers(int argc, char **argv);
int ctl_readers_begin(int argc, char **argv);

/* ctl_usage says how the command is used and ends the process with status 2. */
_Noreturn void ctl_usage(const char *command);

/* ctl_connect connects to the database as its owner; ends the process with a sentence if it cannot. */
PGconn *ctl_connect(void);

/* ctl_run runs SQL and drops the result; ends the process with the server's words and the line if it fails.
 * what names the SQL: a file, or the thing being done. */
void ctl_run(PGconn *conn, const char *what, const char *sql);

/* ctl_try is ctl_run, but answers false if the SQL fails with one of these SQLSTATEs, of which the last is NULL. */
bool ctl_try(PGconn *conn, const char *what, const char *sql, const char *const *states);

/* A migration: whose it is, the name of its file, both as one text, and what is in it. */
typedef struct {
    const char *owner, *name, *what, *sql;
} ctl_file;

/* ctl_apply applies a file unless it was applied before; one that has changed since then is refused. Answers 1 if it was
 * applied. */
int ctl_apply(PGconn *conn, sfms_arena *a, const ctl_file *file);

/* ctl_read answers the text of a file of SQL, "-" for standard input; ends the process if it cannot be read. */
char *ctl_read(const char *path);

/* ctl_text answers the only value of a query with up to n parameters, in the arena; "" if there is no row. */
const char *ctl_text(PGconn *conn, sfms_arena *a, const char *sql, int n, const char *const *values);

/* ctl_identifier answers a name as SQL takes it, in the arena. */
const char *ctl_identifier(PGconn *conn, sfms_arena *a, const char *name);

/* ctl_take_turn waits until no other sfmsctl changes this database; lasts as long as the connection. */
void ctl_take_turn(PGconn *conn, sfms_arena *a);

/* ctl_set_password gives a role a password; "" leaves it as it is. The server, and its log, see no more than what it keeps. */
void ctl_set_password(PGconn *conn, sfms_arena *a, const char *role, const char *password);

/* ctl_links opens the ways to all services of SFMS_SERVICES; ends the process if that or the secret is not
 * set. */
sfms_links *ctl_links(void);

/* ctl_close closes them when all has been said: the process ends with the status even if closing does not end. */
void ctl_close(sfms_links *links, int status);

/* ctl_request fills a message from JSON; ends the process with what is wrong with it. */
ProtobufCMessage *ctl_request(sfms_arena *a, const sfms_contract *c, const sfms_method *m, const char *json);

/* ctl_send calls a method of a service that is given up to five seconds to be there. */
const Pb__Reply *ctl_send(sfms_links *links, sfms_arena *a, const sfms_method *m,
    const ProtobufCMessage *request, const Pb__Principal *principal);

/* ctl_response unpacks the answer. If the call failed, it says how on standard error and answers NULL. */
ProtobufCMessage *ctl_response(sfms_arena *a, const sfms_method *m, const Pb__Reply *reply);

/* ctl_print writes a message as one line of JSON to standard output. */
void ctl_print(sfms_arena *a, const sfms_message *m, const ProtobufCMessage *message);

#endif
