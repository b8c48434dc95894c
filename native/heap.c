// The engine's memory: one range of addresses, the same in every process, so that a heap that was filled while building
// (the engine booted, the program evaluated) can lie in the executable and is there at the start without being made again.
//
// The build links the executable with a section of zeroes for the snapshot, lets it record itself, and writes what it says
// into that section. Addresses of the executable, which the kernel loads elsewhere each time, are recorded as offsets with
// a list of their places; addresses inside of the heap need nothing. Two recordings have to be equal byte by byte: they ran
// at different load addresses, so this proves that no address was missed and no number taken for one.

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include "host.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define PAGE 4096u
#define HEAP_BASE 0x1000000000u /* as in counts.h */
#define HEAP_LIMIT ((size_t)2 << 30)
#define STEP ((size_t)64 << 10)
#define NEAR (8 * PAGE)
#define SMALL 1024u
#define LARGE 80 /* blocks of 16 KB and more */
#define CLASSES 160

struct heap {
  uint8_t *next, *limit; /* where new blocks are cut from */
  uint8_t *top, *end;    /* of what is used, of what is mapped */
  void *free[CLASSES];
  int is_full;
  struct roots roots;
};

/* In front of each block. */
struct block {
  size_t size;
  size_t unused;
};

/* The section: a page that describes it, the heap's pages, the list of places. */
struct snapshot {
  uint64_t state;
  uint64_t size;
  uint64_t places;
  uint8_t rest[PAGE - 24];
  uint8_t pages[];
};

extern struct snapshot snapshot;
extern uint8_t __ehdr_start[], _end[];
extern void *__libc_stack_end;

static struct heap *const heap = (struct heap *)HEAP_BASE;

static size_t round_up(size_t size, size_t to) { return (size + to - 1) & ~(to - 1); }

/* --- blocks ------------------------------------------------------------------------------------------------- */

/* Sizes in steps of 16 to 1 KB, then four a doubling. Gives the class and makes `size` the whole of its blocks. */
static unsigned class_of(size_t *size) {
  if (*size <= SMALL) {
    *size = round_up(*size == 0 ? 1 : *size, 16);
    return (unsigned)(*size / 16);
  }
  unsigned log = 63u - (unsigned)__builtin_clzl(*size - 1);
  size_t step = (size_t)1 << (log - 2);
  *size = round_up(*size, step);
  return 65 + (log - 10) * 4 + (unsigned)((*size - ((size_t)1 << log)) / step) - 1;
}

static struct block *block_of(const void *data) { return (struct block *)((uintptr_t)data - sizeof(struct block)); }

static int grow(size_t size) {
  size_t more = round_up(size, STEP);
  if ((size_t)(heap->end - (uint8_t *)heap) + more > HEAP_LIMIT) return 0;
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_POPULATE;
  if (mmap(heap->end, more, PROT_READ | PROT_WRITE, flags, -1, 0) != heap->end) return 0;
  if (heap->limit != heap->end) heap->next = heap->end;
  heap->limit = heap->end += more;
  return 1;
}

/* Cuts new blocks from a large one that was given back, before more memory is taken: buffers are large and short-lived. */
static int recycle(size_t size) {
  for (unsigned class = CLASSES; class-- > LARGE;) {
    void *data = heap->free[class];
    if (data == NULL || block_of(data)->size < size) continue;
    memcpy(&heap->free[class], data, sizeof(void *));
    heap->next = (uint8_t *)block_of(data);
    heap->limit = (uint8_t *)data + block_of(data)->size;
    return 1;
  }
  return 0;
}

static void *heap_malloc(void *opaque, size_t size) {
  (void)opaque;
  if (size > HEAP_LIMIT) return NULL;
  unsigned class = class_of(&size);
  void *data = heap->free[class];
  if (data != NULL) {
    memcpy(&heap->free[class], data, sizeof(void *));
    return data;
  }
  if (heap->is_full) return NULL;
  size_t whole = sizeof(struct block) + size;
  if ((size_t)(heap->limit - heap->next) < whole && !recycle(whole) && !grow(whole)) return NULL;
  struct block *block = (struct block *)heap->next;
  heap->next += whole;
  if (heap->next > heap->top) heap->top = heap->next;
  block->size = size;
  return block + 1;
}

static void heap_free(void *opaque, void *data) {
  (void)opaque;
  if (data == NULL || (uintptr_t)data - HEAP_BASE < kept_size) return;
  size_t size = block_of(data)->size;
  unsigned class = class_of(&size);
  memcpy(data, &heap->free[class], sizeof(void *));
  heap->free[class] = data;
}

static void *heap_calloc(void *opaque, size_t count, size_t size) {
  size_t whole;
  if (__builtin_mul_overflow(count, size, &whole)) return NULL;
  void *data = heap_malloc(opaque, whole);
  if (data != NULL) memset(data, 0, whole);
  return data;
}

static size_t heap_usable_size(const void *data) { return data == NULL ? 0 : block_of(data)->size; }

static void *heap_realloc(void *opaque, void *data, size_t size) {
  if (data != NULL && size <= heap_usable_size(data)) return data;
  void *other = heap_malloc(opaque, size);
  if (other == NULL || data == NULL) return other;
  memcpy(other, data, heap_usable_size(data));
  heap_free(opaque, data);
  return other;
}

const JSMallocFunctions heap_functions = {heap_calloc, heap_malloc, heap_free, heap_realloc, heap_usable_size};

int heap_open(void) {
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
  if (mmap(heap, STEP, PROT_READ | PROT_WRITE, flags, -1, 0) != heap) return 0;
  heap->next = (uint8_t *)heap + round_up(sizeof *heap, 16);
  heap->limit = heap->end = (uint8_t *)heap + STEP;
  return 1;
}

/* --- the snapshot ------------------------------------------------------------------------------------------- */

enum snapshot_state snapshot_state(void) { return (enum snapshot_state)snapshot.state; }

/* Makes pages this process's own that are about to be written to: by one call, where a fault for each costs many times more.
   KERNEL(5.14): an error before, and then they are faulted in. */
static void own(size_t from, size_t to) {
  madvise((uint8_t *)heap + from / PAGE * PAGE, round_up(to, PAGE) - from / PAGE * PAGE, MADV_POPULATE_WRITE);
}

void heap_own(void) {
  if (kept_size > 0) own(kept_size, (size_t)(heap->end - (uint8_t *)heap));
}

static void correct(const uint32_t *places, uint64_t count) {
  for (uint64_t from = 0, to = 1; from < count; from = to++) {
    while (to < count && places[to] - places[to - 1] < NEAR) to++;
    own(places[from], places[to - 1] + 8);
  }
  for (uint64_t i = 0; i < count; i++) *(uint64_t *)((uint8_t *)heap + places[i]) += (uint64_t)(uintptr_t)__ehdr_start;
}

const struct roots *heap_restore(void) {
  /* Moved, not copied: the kernel reads a page from the executable when it is touched. */
  if (mremap(snapshot.pages, snapshot.size, snapshot.size, MREMAP_MAYMOVE | MREMAP_FIXED, heap) != heap) return NULL;
  correct((const uint32_t *)(snapshot.pages + snapshot.size), snapshot.places);
  kept_size = snapshot.size;
  return &heap->roots;
}

/* The engine seeds its random numbers by the time. It has none: what it holds must be the same in each recording. */
int __wrap_gettimeofday(struct timeval *time, void *zone);
int __wrap_gettimeofday(struct timeval *time, void *zone) {
  (void)zone;
  memset(time, 0, sizeof *time);
  return 0;
}

static int write_all(const void *bytes, size_t size) {
  for (size_t at = 0; at < size;) {
    ssize_t count = write(STDOUT_FILENO, (const uint8_t *)bytes + at, size - at);
    if (count <= 0) return 1;
    at += (size_t)count;
  }
  return 0;
}

/* Makes a word independent of where things are. Returns whether it is an address of the executable. */
static int fix(uint64_t *word) {
  uint64_t image = (uint64_t)(uintptr_t)__ehdr_start, stack_end = (uint64_t)(uintptr_t)__libc_stack_end;
  if (*word >= image && *word < (uint64_t)(uintptr_t)_end) {
    *word -= image;
    return 1;
  }
  /* The engine's stack limit, which is set at the start, and what freed blocks remember. */
  if (*word <= stack_end && *word > stack_end - (8 << 20)) *word = 0;
  /* A value of 32 bits beside a forgotten half of an address. */
  if (*word >> 32 == image >> 32) *word &= UINT32_MAX;
  return 0;
}

/* What lies behind short strings in blocks that were used before: the highest byte of a forgotten address. It is the same in
   each recording, and no number passes for an address, where the executable was loaded as the kernel mostly does. */
static int is_usual_place(void) {
  uint64_t image = (uint64_t)(uintptr_t)__ehdr_start, end = (uint64_t)(uintptr_t)_end;
  uint64_t stack_end = (uint64_t)(uintptr_t)__libc_stack_end;
  int is_apart = image >> 32 == end >> 32 && (image & UINT32_MAX) >> 24 != 0; /* from small numbers beside half an address */
  return is_apart && image >> 40 == stack_end >> 40 && (image >> 32 & 0xff) != 0;
}

/* Takes all that is free, so that nothing new comes to lie among what is kept. */
static void fill(JSRuntime *rt) {
  heap->is_full = 1;
  for (size_t size = SMALL; size > 0; size -= 8)
    while (js_calloc_rt(rt, 1, size) != NULL)
      ;
  memset(heap->free, 0, sizeof heap->free);
  heap->is_full = 0;
}

int heap_record(struct roots roots) {
  if (!is_usual_place()) return RECORD_AGAIN;
  fill(JS_GetRuntime(roots.ctx));
  heap->roots = roots;
  heap->end = heap->limit = heap->next = (uint8_t *)round_up((uintptr_t)heap->top, PAGE);
  size_t size = (size_t)(heap->end - (uint8_t *)heap);
  uint64_t *words = (uint64_t *)heap;
  uint32_t *places = calloc(size / 8, sizeof *places);
  uint64_t count = 0;
  if (places == NULL) return 1;
  for (size_t i = 0; i < size / 8; i++)
    if (fix(&words[i])) places[count++] = (uint32_t)(i * 8);
  struct snapshot head = {.state = SNAPSHOT_READY, .size = size, .places = count};
  return write_all(&head, sizeof head) || write_all(heap, size) || write_all(places, count * sizeof *places);
}
