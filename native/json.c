// One JSON document (RFC 8259), read in one pass and exactly: integers past 2^53-1 become BigInt, every name is an own
// property, and what a lenient reader lets pass is an error with its place: duplicate names, NUL, lone surrogates,
// trailing bytes, nesting deeper than DEPTH.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

enum { DEPTH = 512, POINTER_SIZE = 4096 };

/* Where we are: the names and indexes on the way from the document to the value being read. */
struct place {
  const struct place *up;
  JSAtom name;
  uint32_t index;
};

struct reader {
  JSContext *ctx;
  const uint8_t *start, *at, *end;
  char *scratch; /* as long as the document: no string in it can be longer */
};

/* --- errors ------------------------------------------------------------------------------------------------ */

static size_t append_escaped(char *out, size_t used, const char *name) {
  for (; *name != 0 && used < POINTER_SIZE - 3; name++) {
    if (*name == '~' || *name == '/') {
      out[used++] = '~';
      out[used++] = *name == '~' ? '0' : '1';
    } else
      out[used++] = *name;
  }
  return used;
}

static size_t append_place(struct reader *r, char *out, const struct place *place) {
  if (place == NULL) return 0;
  size_t used = append_place(r, out, place->up);
  if (used >= POINTER_SIZE - 16) return used;
  out[used++] = '/';
  if (place->name == JS_ATOM_NULL) return used + (size_t)snprintf(out + used, 12, "%u", place->index);
  const char *name = JS_AtomToCString(r->ctx, place->name);
  if (name == NULL) return used;
  used = append_escaped(out, used, name);
  JS_FreeCString(r->ctx, name);
  return used;
}

static JSValue fail(struct reader *r, const struct place *place, const char *message) {
  char pointer[POINTER_SIZE + 16];
  pointer[append_place(r, pointer, place)] = 0;
  int line = 1, column = 1;
  for (const uint8_t *p = r->start; p < r->at; p++) {
    column++;
    if (*p == '\n') line++, column = 1;
  }
  JSValue error = JS_NewError(r->ctx);
  JS_SetPropertyStr(r->ctx, error, "message", JS_NewString(r->ctx, message));
  JS_SetPropertyStr(r->ctx, error, "pointer", JS_NewString(r->ctx, pointer));
  JS_SetPropertyStr(r->ctx, error, "line", JS_NewInt32(r->ctx, line));
  JS_SetPropertyStr(r->ctx, error, "column", JS_NewInt32(r->ctx, column));
  return JS_Throw(r->ctx, error);
}

/* --- scalars ----------------------------------------------------------------------------------------------- */

static void skip_space(struct reader *r) {
  while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\t' || *r->at == '\r')) r->at++;
}

static int peek(const struct reader *r) { return r->at < r->end ? *r->at : -1; }

/* Length of the UTF-8 sequence at r->at, 0 when there is none (RFC 3629). */
static size_t sequence(const struct reader *r) {
  const uint8_t *p = r->at;
  size_t left = (size_t)(r->end - p);
  if (p[0] < 0x80) return 1;
  size_t length = p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : p[0] >= 0xe0 && p[0] < 0xf0 ? 3 : p[0] >= 0xf0 && p[0] < 0xf5 ? 4 : 0;
  if (length == 0 || left < length) return 0;
  for (size_t i = 1; i < length; i++)
    if ((p[i] & 0xc0) != 0x80) return 0;
  if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
      (p[0] == 0xf4 && p[1] > 0x8f))
    return 0;
  return length;
}

/* Four hexadecimal digits; -1 when they are not there. */
static int hex4(struct reader *r) {
  int value = 0;
  if (r->end - r->at < 4) return -1;
  for (int i = 0; i < 4; i++) {
    int c = *r->at++;
    int digit = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

static char *put_utf8(char *out, int c) {
  if (c < 0x80)
    *out++ = (char)c;
  else if (c < 0x800)
    *out++ = (char)(0xc0 | c >> 6), *out++ = (char)(0x80 | (c & 63));
  else if (c < 0x10000)
    *out++ = (char)(0xe0 | c >> 12), *out++ = (char)(0x80 | (c >> 6 & 63)), *out++ = (char)(0x80 | (c & 63));
  else
    *out++ = (char)(0xf0 | c >> 18), *out++ = (char)(0x80 | (c >> 12 & 63)), *out++ = (char)(0x80 | (c >> 6 & 63)),
    *out++ = (char)(0x80 | (c & 63));
  return out;
}

/* A \u escape, with its second half where it is the first of a surrogate pair. Returns a message, or NULL. */
static const char *unicode_escape(struct reader *r, char **out) {
  int c = hex4(r);
  if (c < 0) return "expected four hexadecimal digits after \\u";
  if (c == 0) return "NUL character in a string";
  if (c >= 0xdc00 && c < 0xe000) return "lone surrogate in a string";
  if (c >= 0xd800 && c < 0xdc00) {
    if (r->end - r->at < 2 || r->at[0] != '\\' || r->at[1] != 'u') return "lone surrogate in a string";
    r->at += 2;
    int low = hex4(r);
    if (low < 0xdc00 || low >= 0xe000) return "lone surrogate in a string";
    c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
  }
  *out = put_utf8(*out, c);
  return NULL;
}

static const char *escape(struct reader *r, char **out) {
  static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
  int c = peek(r);
  if (c >= 0) r->at++;
  if (c == 'u') return unicode_escape(r, out);
  const char *found = c > 0 ? strchr(from, c) : NULL;
  if (found == NULL) return "unknown escape in a string";
  *(*out)++ = to[found - from];
  return NULL;
}

/* A string into r->scratch, as UTF-8; r->at stands at its opening quote. Returns a message, or NULL. */
static const char *read_text(struct reader *r, size_t *length) {
  char *out = r->scratch;
  for (r->at++; r->at < r->end;) {
    int c = *r->at;
    if (c == '"') {
      r->at++;
      *length = (size_t)(out - r->scratch);
      return NULL;
    }
    if (c == '\\') {
      r->at++;
      const char *message = escape(r, &out);
      if (message != NULL) return message;
      continue;
    }
    if (c < 0x20) return "control character in a string";
    size_t size = sequence(r);
    if (size == 0) return "invalid UTF-8";
    memcpy(out, r->at, size);
    out += size;
    r->at += size;
  }
  return "unexpected end of the document in a string";
}

static size_t digits(struct reader *r) {
  const uint8_t *from = r->at;
  while (r->at < r->end && *r->at >= '0' && *r->at <= '9') r->at++;
  return (size_t)(r->at - from);
}

/* An integer of any size: a number where a double holds it exactly, else a BigInt. */
static JSValue integer(struct reader *r, const uint8_t *from) {
  size_t length = (size_t)(r->at - from);
  if (length <= 18) {
    int64_t value = strtoll(r->scratch, NULL, 10);
    if (value >= -9007199254740991 && value <= 9007199254740991) return JS_NewInt64(r->ctx, value);
    return JS_NewBigInt64(r->ctx, value);
  }
  JSValue global = JS_GetGlobalObject(r->ctx);
  JSValue convert = JS_GetPropertyStr(r->ctx, global, "BigInt");
  JSValue text = JS_NewStringLen(r->ctx, r->scratch, length);
  JSValue result = JS_Call(r->ctx, convert, JS_UNDEFINED, 1, &text);
  JS_FreeValue(r->ctx, text);
  JS_FreeValue(r->ctx, convert);
  JS_FreeValue(r->ctx, global);
  return result;
}

static JSValue number(struct reader *r, const struct place *place) {
  const uint8_t *from = r->at;
  int is_integer = 1;
  if (peek(r) == '-') r->at++;
  int leading_zero = peek(r) == '0';
  size_t count = digits(r);
  if (count == 0 || (leading_zero && count > 1)) return fail(r, place, "malformed number");
  if (peek(r) == '.') {
    is_integer = 0;
    r->at++;
    if (digits(r) == 0) return fail(r, place, "malformed number");
  }
  if (peek(r) == 'e' || peek(r) == 'E') {
    is_integer = 0;
    r->at++;
    if (peek(r) == '+' || peek(r) == '-') r->at++;
    if (digits(r) == 0) return fail(r, place, "malformed number");
  }
  size_t length = (size_t)(r->at - from);
  if (length > 1024) return fail(r, place, "number of more than 1024 digits");
  memcpy(r->scratch, from, length);
  r->scratch[length] = 0;
  return is_integer ? integer(r, from) : JS_NewFloat64(r->ctx, strtod(r->scratch, NULL));
}

static JSValue word(struct reader *r, const struct place *place, const char *text, JSValue value) {
  size_t length = strlen(text);
  if ((size_t)(r->end - r->at) < length || memcmp(r->at, text, length) != 0) return fail(r, place, "expected a JSON value");
  r->at += length;
  return value;
}

/* --- values ------------------------------------------------------------------------------------------------ */

static JSValue value(struct reader *r, const struct place *place, int depth);

/* Reads one member into `object`. Returns -1 with an exception pending. */
static int member(struct reader *r, const struct place *place, JSValue object, int depth) {
  size_t length;
  if (peek(r) != '"') return fail(r, place, "expected a name in double quotes"), -1;
  const char *message = read_text(r, &length);
  if (message != NULL) return fail(r, place, message), -1;
  struct place inner = {place, JS_NewAtomLen(r->ctx, r->scratch, length), 0};
  if (inner.name == JS_ATOM_NULL) return -1;
  int result = -1;
  skip_space(r);
  if (JS_GetOwnProperty(r->ctx, NULL, object, inner.name) > 0)
    fail(r, &inner, "duplicate name");
  else if (peek(r) != ':')
    fail(r, &inner, "expected a colon after the name");
  else {
    r->at++;
    JSValue item = value(r, &inner, depth);
    if (!JS_IsException(item)) result = JS_DefinePropertyValue(r->ctx, object, inner.name, item, JS_PROP_C_W_E) < 0 ? -1 : 0;
  }
  JS_FreeAtom(r->ctx, inner.name);
  return result;
}

static int element(struct reader *r, const struct place *place, JSValue array, uint32_t index, int depth) {
  struct place inner = {place, JS_ATOM_NULL, index};
  JSValue item = value(r, &inner, depth);
  if (JS_IsException(item)) return -1;
  return JS_DefinePropertyValueUint32(r->ctx, array, index, item, JS_PROP_C_W_E) < 0 ? -1 : 0;
}

/* What stands between `[` and `]`, or `{` and `}`. */
static JSValue collection(struct reader *r, const struct place *place, int close, int depth) {
  if (depth > DEPTH) return fail(r, place, "nested too deeply");
  JSValue result = close == ']' ? JS_NewArray(r->ctx) : JS_NewObject(r->ctx);
  r->at++;
  skip_space(r);
  if (peek(r) == close) {
    r->at++;
    return result;
  }
  for (uint32_t index = 0;; index++) {
    skip_space(r);
    int failed = close == ']' ? element(r, place, result, index, depth) : member(r, place, result, depth);
    if (failed) break;
    skip_space(r);
    int next = peek(r);
    if (next == ',' || next == close) r->at++;
    if (next == close) return result;
    if (next != ',') {
      fail(r, place, close == ']' ? "expected a comma or ]" : "expected a comma or }");
      break;
    }
  }
  JS_FreeValue(r->ctx, result);
  return JS_EXCEPTION;
}

static JSValue string(struct reader *r, const struct place *place) {
  size_t length;
  const char *message = read_text(r, &length);
  return message == NULL ? JS_NewStringLen(r->ctx, r->scratch, length) : fail(r, place, message);
}

static JSValue value(struct reader *r, const struct place *place, int depth) {
  skip_space(r);
  switch (peek(r)) {
  case '{':
    return collection(r, place, '}', depth + 1);
  case '[':
    return collection(r, place, ']', depth + 1);
  case '"':
    return string(r, place);
  case 't':
    return word(r, place, "true", JS_TRUE);
  case 'f':
    return word(r, place, "false", JS_FALSE);
  case 'n':
    return word(r, place, "null", JS_NULL);
  case -1:
    return fail(r, place, "unexpected end of the document");
  default:
    return peek(r) == '-' || (peek(r) >= '0' && peek(r) <= '9') ? number(r, place) : fail(r, place, "expected a JSON value");
  }
}

JSValue json_parse(JSContext *ctx, const uint8_t *bytes, size_t size) {
  struct reader r = {ctx, bytes, bytes, bytes + size, malloc(size + 1026)};
  if (r.scratch == NULL) return JS_ThrowOutOfMemory(ctx);
  JSValue result = value(&r, NULL, 0);
  if (!JS_IsException(result)) {
    skip_space(&r);
    if (r.at < r.end) {
      JS_FreeValue(ctx, result);
      result = fail(&r, NULL, "bytes after the end of the document");
    }
  }
  free(r.scratch);
  return result;
}
