// Build tool: a script to bytecode, by the same engine that will run it.  compile NAME.js OUT

#include <stdio.h>
#include <stdlib.h>

#include "quickjs.h"

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  FILE *in = fopen(argv[1], "rb");
  if (in == NULL) return 1;
  fseek(in, 0, SEEK_END);
  size_t size = (size_t)ftell(in);
  rewind(in);
  char *text = malloc(size + 1);
  if (fread(text, 1, size, in) != size) return 1;
  text[size] = 0;
  JSContext *ctx = JS_NewContext(JS_NewRuntime());
  JSValue function = JS_Eval(ctx, text, size, argv[3], JS_EVAL_TYPE_GLOBAL | JS_EVAL_FLAG_COMPILE_ONLY | JS_EVAL_FLAG_STRICT);
  if (JS_IsException(function)) {
    const char *message = JS_ToCString(ctx, JS_GetException(ctx));
    fprintf(stderr, "%s\n", message);
    return 1;
  }
  size_t length;
  uint8_t *bytes = JS_WriteObject(ctx, &length, function, JS_WRITE_OBJ_BYTECODE | JS_WRITE_OBJ_STRIP_SOURCE);
  FILE *out = fopen(argv[2], "wb");
  if (bytes == NULL || out == NULL || fwrite(bytes, 1, length, out) != length) return 1;
  return fclose(out);
}
