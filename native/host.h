#pragma once
#include <stddef.h>
#include <stdint.h>

#include "quickjs.h"

/* An embedded program: bytecode between two addresses. The first is the main one; the last has no name. */
struct blob {
  const char *name;
  const uint8_t *bytes;
  const uint8_t *end;
};

extern const struct blob blobs[];

/* The command line without argv[0], NULL at its end. */
extern char **arguments;

/* 0 when nobody inside of a container can write to the running image, or -errno (seal.c). */
extern int sealed;

/* Words of the command line that ask for such an image, a NUL behind each, and one behind all. */
extern const char seal_words[];

/* The executable's entry: the kernel's stack, before the C library is set up. */
void seal(long *stack);

/* Evaluates a blob and returns its value. */
JSValue evaluate(JSContext *ctx, const struct blob *blob);

/* Makes the global `host`: natives of door.ts. */
void open_door(JSContext *ctx);

/* One JSON document, exactly (door.ts, parseJson). */
JSValue json_parse(JSContext *ctx, const uint8_t *bytes, size_t size);

/* --- heap.c: the engine's memory, and its snapshot ---------------------------------------------------------- */

/* What is found in a heap again. */
struct roots {
  JSContext *ctx;
  JSValue program;
};

extern const JSMallocFunctions heap_functions;

enum snapshot_state { SNAPSHOT_NONE, SNAPSHOT_WANTED, SNAPSHOT_READY };
enum snapshot_state snapshot_state(void);

/* An empty heap. False when its addresses are taken. */
int heap_open(void);

/* The heap as it was recorded. NULL when its addresses are taken. */
const struct roots *heap_restore(void);

/* Of the heap, from its base: what is not counted references to (counts.h). */
extern size_t kept_size;

/* For both processes of a fork: makes their own what the heap holds besides the snapshot. */
void heap_own(void);

/* Writes the heap with its roots to standard output, as the build puts it into the executable. Returns an exit status:
   RECORD_AGAIN when the kernel has loaded the executable to an address at which that cannot be done reproducibly. */
#define RECORD_AGAIN 75
int heap_record(struct roots roots);
