/* identity.h -- the nouns of this service; each is one file. */
#ifndef SFMS_IDENTITY_H
#define SFMS_IDENTITY_H

#include "rpc/server.h"

extern const sfms_noun identity_orgs;
extern const sfms_noun identity_users;
extern const sfms_noun identity_fields;
extern const sfms_noun identity_sessions;
extern const sfms_noun identity_tickets;
extern const sfms_noun identity_session_list;
extern const sfms_noun identity_meta;
extern const sfms_noun identity_profile;

#endif
