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

/* One JSON document, exactly (door.ts, parseJson). */
JSValue json_parse(JSContext *ctx, const uint8_t *bytes, size_t size);
