// The text form of GVariant, as far as properties of units have it: numbers, booleans, strings, arrays, tuples. Pure.

import type { Value, Variant } from './marshal.ts';

/** `uint64 5`: the words before a value, and the types that they stand for. */
const WORDS: Readonly<Record<string, string>> = {
  boolean: 'b',
  byte: 'y',
  int16: 'n',
  uint16: 'q',
  int32: 'i',
  uint32: 'u',
  handle: 'h',
  int64: 'x',
  uint64: 't',
  double: 'd',
  string: 's',
  objectpath: 'o',
  signature: 'g',
};

/** [lowest, highest] of each type of whole numbers. */
const RANGES: Readonly<Record<string, readonly [bigint, bigint]>> = {
  y: [0n, 255n],
  n: [-(2n ** 15n), 2n ** 15n - 1n],
  q: [0n, 2n ** 16n - 1n],
  i: [-(2n ** 31n), 2n ** 31n - 1n],
  u: [0n, 2n ** 32n - 1n],
  h: [-(2n ** 31n), 2n ** 31n - 1n],
  x: [-(2n ** 63n), 2n ** 63n - 1n],
  t: [0n, 2n ** 64n - 1n],
};

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' };

/** What is wrong with a text; whoever asked says which text. */
export class NoVariant extends Error {}

class Parser {
  #at = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** The next piece: a quote, a bracket, or a word. */
  #peek(): string {
    while (this.#text[this.#at] === ' ') this.#at++;
    const word = /^[^\s[\](),<>'"]+|^./.exec(this.#text.slice(this.#at));
    if (word === null) throw new NoVariant('unexpected EOF');
    return word[0];
  }

  #next(): string {
    const piece = this.#peek();
    this.#at += piece.length;
    return piece;
  }

  #string(quote: string): string {
    let result = '';
    for (;;) {
      const letter = this.#text[this.#at++];
      if (letter === undefined) throw new NoVariant('unexpected EOF');
      if (letter === quote) return result;
      if (letter !== '\\') result += letter;
      else {
        const escaped = this.#text[this.#at++] ?? '';
        result += ESCAPES[escaped] ?? escaped;
      }
    }
  }

  #list(closing: string, parse: () => void): void {
    for (let first = true; this.#peek() !== closing; first = false) {
      if (!first && this.#next() !== ',') throw new NoVariant(`expected "," or "${closing}"`);
      if (this.#peek() !== closing) parse();
    }
    this.#next();
  }

  #array(expected: string | undefined): Variant {
    const values: Value[] = [];
    let item = expected?.slice(1);
    this.#list(']', () => {
      const { signature, value } = this.value(item);
      item = signature;
      values.push(value);
    });
    if (item === undefined) throw new NoVariant('the type of an empty array is not told');
    return { signature: `a${item}`, value: values };
  }

  #tuple(): Variant {
    const members: Variant[] = [];
    this.#list(')', () => members.push(this.value(undefined)));
    const signature = members.map((member) => member.signature).join('');
    return { signature: `(${signature})`, value: members.map((member) => member.value) };
  }

  value(expected: string | undefined): Variant {
    const piece = this.#next();
    if (piece === '[') return this.#array(expected);
    if (piece === '(') return this.#tuple();
    if (piece === '<') {
      const inner = this.value(undefined);
      if (this.#next() !== '>') throw new NoVariant('expected ">"');
      return { signature: 'v', value: inner };
    }
    if (piece === "'" || piece === '"') return this.#typed(expected, 'sog', this.#string(piece));
    if (piece === 'true' || piece === 'false') return this.#typed(expected, 'b', piece === 'true');
    if (piece.startsWith('@')) return this.value(piece.slice(1));
    const named = WORDS[piece];
    return named === undefined ? number(piece, expected) : this.value(named);
  }

  #typed(expected: string | undefined, possible: string, value: Value): Variant {
    const signature = expected ?? (possible[0] as string);
    if (!possible.includes(signature)) throw new NoVariant(`a value of type "${signature}" was expected`);
    return { signature, value };
  }

  end(): void {
    if (this.#text.slice(this.#at).trim() !== '') throw new NoVariant('unexpected text behind the value');
  }
}

function number(word: string, expected: string | undefined): Variant {
  const isWhole = /^[-+]?(0x[0-9a-fA-F]+|[0-9]+)$/.test(word);
  if (!isWhole && !/^[-+]?[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?$/.test(word)) throw new NoVariant(`no value: "${word}"`);
  const signature = expected ?? (isWhole ? 'i' : 'd');
  if (signature === 'd') return { signature, value: Number(word) };
  const range = RANGES[signature];
  if (range === undefined || !isWhole) throw new NoVariant(`a value of type "${signature}" was expected`);
  const negative = word.startsWith('-');
  const size = BigInt(word.replace(/^[-+]/, ''));
  const value = negative ? -size : size;
  if (value < range[0] || value > range[1]) throw new NoVariant(`${word} is out of range`);
  return { signature, value };
}

/** Throws NoVariant for what is none. */
export function parseVariant(text: string): Variant {
  const parser = new Parser(text);
  const result = parser.value(undefined);
  parser.end();
  return result;
}
