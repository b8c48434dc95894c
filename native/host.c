// The executable: boots the engine, or finds it booted in its own image (heap.c), and calls the program.

#include <stdio.h>

#include "host.h"

char **arguments;

JSValue evaluate(JSContext *ctx, const struct blob *blob) {
  JSValue function = JS_ReadObject(ctx, blob->bytes, (size_t)(blob->end - blob->bytes), JS_READ_OBJ_BYTECODE);
  return JS_IsException(function) ? function : JS_EvalFunction(ctx, function);
}

static int report(JSContext *ctx) {
  JSValue error = JS_GetException(ctx);
  JSValue stack = JS_GetPropertyStr(ctx, error, "stack");
  const char *message = JS_ToCString(ctx, error);
  const char *trace = JS_IsString(stack) ? JS_ToCString(ctx, stack) : NULL;
  fprintf(stderr, "tsoci: internal error: %s\n%s", message ? message : "?", trace ? trace : "");
  return 1;
}

/* The engine with no more than the program uses: no source text is evaluated, and it has no clock. */
static JSContext *new_context(JSRuntime *rt) {
  JSContext *ctx = rt == NULL ? NULL : JS_NewContextRaw(rt);
  if (ctx == NULL) return NULL;
  JS_SetGCThreshold(rt, (size_t)-1); /* the process does not live long */
  JS_AddIntrinsicBaseObjects(ctx);
  JS_AddIntrinsicRegExp(ctx);
  JS_AddIntrinsicJSON(ctx);
  JS_AddIntrinsicMapSet(ctx);
  JS_AddIntrinsicTypedArrays(ctx);
  JS_AddIntrinsicBigInt(ctx);
  open_door(ctx);
  return ctx;
}

/* The engine booted, and the program's exported `run`. */
static struct roots boot(void) {
  int own = snapshot_state() != SNAPSHOT_NONE && heap_open();
  JSContext *ctx = new_context(own ? JS_NewRuntime2(&heap_functions, NULL) : JS_NewRuntime());
  if (ctx == NULL) return (struct roots){0};
  JSValue exports = evaluate(ctx, &blobs[0]);
  JSValue program = JS_IsException(exports) ? exports : JS_GetPropertyStr(ctx, exports, "run");
  JS_FreeValue(ctx, exports);
  return (struct roots){ctx, program};
}

static int run(struct roots roots) {
  JSRuntime *rt = JS_GetRuntime(roots.ctx);
  JS_UpdateStackTop(rt);
  JS_SetMaxStackSize(rt, 1 << 20);
  int32_t status;
  JSValue result = JS_Call(roots.ctx, roots.program, JS_UNDEFINED, 0, NULL);
  if (JS_IsException(result) || JS_ToInt32(roots.ctx, &status, result) < 0) return report(roots.ctx);
  return status;
}

int main(int argc, char **argv) {
  if (argc < 1) return 1;
  arguments = argv + 1;
  enum snapshot_state state = snapshot_state();
  const struct roots *found = state == SNAPSHOT_READY ? heap_restore() : NULL;
  struct roots roots = found != NULL ? *found : boot();
  if (roots.ctx == NULL) return 1;
  if (JS_IsException(roots.program)) return report(roots.ctx);
  return state == SNAPSHOT_WANTED ? heap_record(roots) : run(roots);
}
