// The exact JSON reader for Node: what native/json.c is in the executable, with the same verdicts (json.test.ts compares
// them). See door.ts, parseJson.

const DEPTH = 512;

/** An error with the place: JSON pointer, line and column (1-based, in bytes). */
export class JsonError extends Error {
  readonly pointer: string;
  readonly line: number;
  readonly column: number;

  constructor(message: string, pointer: string, line: number, column: number) {
    super(message);
    this.pointer = pointer;
    this.line = line;
    this.column = column;
  }
}

const code = (text: string): number => text.charCodeAt(0);

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/** Length of the UTF-8 sequence at `at`, 0 when there is none (RFC 3629). */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number;
  if (first < 0x80) return 1;
  const length =
    first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xf0 && first < 0xf5 ? 4 : 0;
  for (let index = 1; index < length; index++) if (((bytes[at + index] ?? 0) & 0xc0) !== 0x80) return 0;
  const second = bytes[at + 1] ?? 0;
  const isOverlong = (first === 0xe0 && second < 0xa0) || (first === 0xf0 && second < 0x90);
  const isBeyond = (first === 0xed && second > 0x9f) || (first === 0xf4 && second > 0x8f);
  return isOverlong || isBeyond ? 0 : length;
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  readonly #path: (string | number)[] = [];
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  document(): unknown {
    const value = this.#value(0);
    this.#space();
    if (this.#at < this.#bytes.length) this.#fail('bytes after the end of the document', '');
    return value;
  }

  #fail(message: string, pointer = this.#pointer()): never {
    const before = this.#bytes.subarray(0, this.#at);
    const line = before.reduce((count, byte) => count + (byte === 10 ? 1 : 0), 1);
    throw new JsonError(message, pointer, line, this.#at - before.lastIndexOf(10));
  }

  #pointer(): string {
    return this.#path.map((part) => `/${String(part).split('~').join('~0').split('/').join('~1')}`).join('');
  }

  #peek(): number {
    return this.#bytes[this.#at] ?? -1;
  }

  #space(): void {
    while ([32, 10, 9, 13].includes(this.#peek())) this.#at++;
  }

  #value(depth: number): unknown {
    this.#space();
    const c = this.#peek();
    if (c === code('{')) return this.#object(depth + 1);
    if (c === code('[')) return this.#array(depth + 1);
    if (c === code('"')) return this.#string();
    if (c === code('-') || (c >= 48 && c <= 57)) return this.#number();
    if (c === code('t')) return this.#word('true', true);
    if (c === code('f')) return this.#word('false', false);
    if (c === code('n')) return this.#word('null', null);
    return this.#fail(c < 0 ? 'unexpected end of the document' : 'expected a JSON value');
  }

  #word<T>(text: string, value: T): T {
    for (let index = 0; index < text.length; index++) {
      if (this.#bytes[this.#at + index] !== text.charCodeAt(index)) this.#fail('expected a JSON value');
    }
    this.#at += text.length;
    return value;
  }

  #object(depth: number): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    this.#collection(code('}'), depth, () => this.#member(object, depth));
    return object;
  }

  #array(depth: number): unknown[] {
    const array: unknown[] = [];
    this.#collection(code(']'), depth, () => {
      this.#path.push(array.length);
      array.push(this.#value(depth));
      this.#path.pop();
    });
    return array;
  }

  #collection(close: number, depth: number, item: () => void): void {
    if (depth > DEPTH) this.#fail('nested too deeply');
    this.#at++;
    this.#space();
    if (this.#peek() === close) {
      this.#at++;
      return;
    }
    for (;;) {
      this.#space();
      item();
      this.#space();
      const next = this.#peek();
      if (next === code(',') || next === close) this.#at++;
      if (next === close) return;
      if (next !== code(',')) this.#fail(`expected a comma or ${String.fromCharCode(close)}`);
    }
  }

  #member(object: Record<string, unknown>, depth: number): void {
    if (this.#peek() !== code('"')) this.#fail('expected a name in double quotes');
    const name = this.#string();
    this.#path.push(name);
    this.#space();
    if (Object.hasOwn(object, name)) this.#fail('duplicate name');
    if (this.#peek() !== code(':')) this.#fail('expected a colon after the name');
    this.#at++;
    const value = this.#value(depth);
    Object.defineProperty(object, name, { value, configurable: true, enumerable: true, writable: true });
    this.#path.pop();
  }

  #string(): string {
    this.#at++;
    let text = '';
    for (let start = this.#at; ; ) {
      const c = this.#peek();
      if (c < 0) this.#fail('unexpected end of the document in a string');
      if (c === code('"') || c === code('\\')) {
        text += this.#decode(start);
        this.#at++;
        if (c === code('"')) return text;
        text += this.#escape();
        start = this.#at;
      } else if (c < 0x20) this.#fail('control character in a string');
      else this.#at += sequenceLength(this.#bytes, this.#at) || this.#fail('invalid UTF-8');
    }
  }

  #decode(start: number): string {
    return this.#decoder.decode(this.#bytes.subarray(start, this.#at));
  }

  #escape(): string {
    const c = String.fromCharCode(this.#peek());
    this.#at++;
    if (c !== 'u') return ESCAPES[c] ?? this.#fail('unknown escape in a string');
    const first = this.#hex();
    if (first === 0) this.#fail('NUL character in a string');
    if (first < 0xd800 || first > 0xdfff) return String.fromCharCode(first);
    const paired = first < 0xdc00 && this.#peek() === code('\\') && this.#bytes[this.#at + 1] === code('u');
    if (!paired) this.#fail('lone surrogate in a string');
    this.#at += 2;
    const second = this.#hex();
    if (second < 0xdc00 || second > 0xdfff) this.#fail('lone surrogate in a string');
    return String.fromCharCode(first, second);
  }

  #hex(): number {
    const text = String.fromCharCode(...this.#bytes.subarray(this.#at, this.#at + 4));
    if (!/^[0-9a-fA-F]{4}$/.test(text)) this.#fail('expected four hexadecimal digits after \\u');
    this.#at += 4;
    return Number.parseInt(text, 16);
  }

  #digits(): number {
    const start = this.#at;
    while (this.#peek() >= 48 && this.#peek() <= 57) this.#at++;
    return this.#at - start;
  }

  #number(): number | bigint {
    const start = this.#at;
    if (this.#peek() === code('-')) this.#at++;
    const zero = this.#peek() === 48;
    const count = this.#digits();
    if (count === 0 || (zero && count > 1)) this.#fail('malformed number');
    const fraction = this.#peek() === code('.');
    if (fraction) this.#at++;
    if (fraction && this.#digits() === 0) this.#fail('malformed number');
    const exponent = [code('e'), code('E')].includes(this.#peek());
    if (exponent) {
      this.#at++;
      if ([code('+'), code('-')].includes(this.#peek())) this.#at++;
      if (this.#digits() === 0) this.#fail('malformed number');
    }
    if (this.#at - start > 1024) this.#fail('number of more than 1024 digits');
    const text = String.fromCharCode(...this.#bytes.subarray(start, this.#at));
    if (fraction || exponent) return Number(text);
    return Number.isSafeInteger(Number(text)) ? Number(text) + 0 : BigInt(text);
  }
}

export const parseJson = (bytes: Uint8Array): unknown => new Reader(bytes).document();
