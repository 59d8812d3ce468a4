/*
 * arena.h -- memory with a lifetime instead of owners.
 *
 * One arena serves one call (or one start-up). Everything that the call needs is taken from it and
 * given back at once by sfms_arena_reset. Allocation never fails: a process that cannot get memory
 * ends, loudly. Not thread-safe; an arena belongs to one thread at a time.
 */
#ifndef SFMS_CORE_ARENA_H
#define SFMS_CORE_ARENA_H

#include <protobuf-c/protobuf-c.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sfms_arena sfms_arena;
typedef void sfms_dtor(void *object);

/* sfms_arena_new makes an empty arena. */
sfms_arena *sfms_arena_new(void);

/* sfms_arena_free destroys what the arena owns and the arena itself. NULL is fine. */
void sfms_arena_free(sfms_arena *a);

/* sfms_arena_reset destroys what the arena owns and keeps at most SFMS_ARENA_KEEP bytes for next time. */
void sfms_arena_reset(sfms_arena *a);

/* sfms_arena_meter has what the arena takes from now on, until the next reset, counted in the budget of the process as a turn's
 * (budget.h). Its first chunk is not: it is kept anyway. sfms_arena_count counts n bytes that are held beside it as long;
 * sfms_arena_room asks whether n more may come, and answers true if nothing is counted. */
void sfms_arena_meter(sfms_arena *a, unsigned turn);
void sfms_arena_count(sfms_arena *a, size_t n);
bool sfms_arena_room(const sfms_arena *a, size_t n);

/* sfms_arena_used answers the bytes handed out since the last reset. */
size_t sfms_arena_used(const sfms_arena *a);

/* sfms_alloc answers n zeroed bytes, aligned for any type. Never NULL. */
void *sfms_alloc(sfms_arena *a, size_t n);

/* sfms_alloc_raw answers n bytes of any content, for what is overwritten at once. */
void *sfms_alloc_raw(sfms_arena *a, size_t n);

/* sfms_new answers a zeroed object of the type; sfms_new_array, n of them. */
#define sfms_new(arena, type) ((type *)sfms_alloc((arena), sizeof(type)))
#define sfms_new_array(arena, type, n) ((type *)sfms_alloc((arena), sizeof(type) * (size_t)(n)))

/* sfms_strdup copies a string; sfms_strndup, at most n bytes of it; sfms_memdup, n bytes. NULL gives "". */
char *sfms_strdup(sfms_arena *a, const char *s);
char *sfms_strndup(sfms_arena *a, const char *s, size_t n);
void *sfms_memdup(sfms_arena *a, const void *p, size_t n);

/* sfms_printf formats into the arena. */
char *sfms_printf(sfms_arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *sfms_vprintf(sfms_arena *a, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

/* sfms_arena_own ties an object that is not memory (a PGresult, a cJSON tree) to the arena: dtor(object) runs
 * at the next reset. NULL objects are ignored. Answers object. */
void *sfms_arena_own(sfms_arena *a, void *object, sfms_dtor *dtor);

/* sfms_arena_pb answers an allocator for protobuf_c_message_unpack; its free does nothing. */
ProtobufCAllocator *sfms_arena_pb(sfms_arena *a);

#endif
