/*
 * contract_private.h -- what contract.c, contract_load.c and contract_check.c share.
 */
#ifndef SFMS_PROTO_CONTRACT_PRIVATE_H
#define SFMS_PROTO_CONTRACT_PRIVATE_H

#include "proto/contract.h"

/* Made by CMake: see CMakeLists.txt. */
extern const ProtobufCServiceDescriptor *const sfms_contract_services[];
extern const uint8_t sfms_contract_data[], sfms_contract_data_end[];

/* Hash tables are open, their size a power of two, at most half full. */
struct sfms_contract {
    unsigned n_messages;
    const sfms_message **messages;
    unsigned message_mask; /* messages by descriptor */
    const sfms_message **message_slots;
    unsigned n_resources;
    const sfms_message **resources; /* by name of the collection */
    unsigned n_methods;
    sfms_method *methods;
    unsigned method_mask; /* methods by name */
    const sfms_method **method_slots;
    unsigned n_rules;
    const Pb__ServiceRule **rules; /* of the services; NULL for one that says nothing */
    unsigned n_permissions;
    const sfms_permission *permissions;
};

/* sfms_contract_permissions_load gathers the permissions of all methods, and who holds them by the rules of the services. Ends
 * the process if a rule is about a permission that no method asks for, or about one that another is about. */
void sfms_contract_permissions_load(sfms_arena *keep, struct sfms_contract *c);

/* sfms_contract_check ends the process with a sentence if something in the contract does not hold. */
void sfms_contract_check(const sfms_contract *c);

unsigned sfms_name_hash(const char *name, size_t n);
unsigned sfms_pointer_hash(const void *p);

#endif
