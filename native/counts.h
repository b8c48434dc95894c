// Included into the engine (scripts/build.ts). What lies in the snapshot is kept as long as the process lives: references to
// it are not counted, and its memory is not used for anything else. A count that is written makes its page this process's
// own, and in the end that would be nearly every page, at the start and again in both processes of a fork.

#include <stddef.h>
#include <stdint.h>

#define HEAP_BASE 0x1000000000u /* 64 GB: free on every layout of x86-64 and arm64 */

/* Bytes of the heap that are kept; none while the snapshot is made. */
size_t kept_size;

#define IS_KEPT(data) ((uintptr_t)(data) - HEAP_BASE < kept_size)

/* Neither 1 (its owner may change it in place) nor 0 (nobody's), whatever is added to it and taken from it. */
static int kept_count = 1 << 30;

#define COUNT_OF(block) (*(IS_KEPT(block) ? &kept_count : &(block)->ref_count))
