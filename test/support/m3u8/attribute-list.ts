import { PlaylistSyntaxError } from './syntax-error.ts';

/** Forms of attribute values (rfc8216bis, 4.2). */
const forms = {
  quoted: /^"[^"\r\n]*"$/,
  enumerated: /^[^",\s]+$/,
  integer: /^\d{1,20}$/,
  float: /^\d+(\.\d+)?$/,
  resolution: /^\d+x\d+$/,
  own: /^("[^"\r\n]*"|0[xX][0-9A-F]+|-?\d+(\.\d+)?)$/,
} as const;

/**
 * The attributes of a tag, read strictly: no white space, no name twice, each value of the form that its attribute has. Call
 * {@link AttributeList.end} when all is read: attributes that nobody asked for are errors.
 */
export class AttributeList {
  readonly #values = new Map<string, string>();
  readonly #unread: Set<string>;
  readonly #tag: string;
  readonly #line: number;

  constructor(tag: string, text: string, line: number) {
    this.#tag = tag;
    this.#line = line;
    const pattern = /([A-Z0-9-]+)=("[^"\r\n]*"|[^",\s]+)(,|$)/y;
    while (pattern.lastIndex < text.length) {
      const at = pattern.lastIndex;
      const [whole, name = '', value = '', comma] = pattern.exec(text) ?? [];
      if (whole === undefined || (comma === ',' && pattern.lastIndex === text.length)) {
        throw this.#error(`malformed attribute list at "${text.slice(at, at + 20)}"`);
      }
      if (this.#values.has(name)) {
        throw this.#error(`${name} stands twice`);
      }
      this.#values.set(name, value);
    }
    this.#unread = new Set(this.#values.keys());
  }

  quoted(name: string): string | undefined {
    return this.#read(name, 'quoted')?.slice(1, -1);
  }

  integer(name: string): number | undefined {
    const text = this.#read(name, 'integer');
    return text === undefined ? undefined : Number(text);
  }

  float(name: string): number | undefined {
    const text = this.#read(name, 'float');
    return text === undefined ? undefined : Number(text);
  }

  resolution(name: string): { readonly width: number; readonly height: number } | undefined {
    const [width = 0, height = 0] = this.#read(name, 'resolution')?.split('x').map(Number) ?? [];
    return width === 0 || height === 0 ? undefined : { width, height };
  }

  enumerated<T extends string>(name: string, allowed: readonly T[]): T | undefined {
    const text = this.#read(name, 'enumerated');
    const value = allowed.find((candidate) => candidate === text);
    if (text !== undefined && value === undefined) {
      throw this.#error(`${name}=${text} is none of ${allowed.join(', ')}`);
    }
    return value;
  }

  /** YES or NO; absent is NO. */
  flag(name: string): boolean {
    return this.enumerated(name, ['YES', 'NO']) === 'YES';
  }

  /** The attributes of a client's own (rfc8216bis, 4.4.5.1): quoted strings, hexadecimal sequences and decimal fractions. */
  own(): Readonly<Record<string, string>> {
    const names = [...this.#unread].filter((name) => name.startsWith('X-'));
    return Object.fromEntries(names.map((name) => [name, this.#read(name, 'own')?.replace(/^"(.*)"$/, '$1') ?? '']));
  }

  /** What was read, which has to be there. */
  required<T>(name: string, value: T | undefined): T {
    if (value === undefined) {
      throw this.#error(`${name} is missing`);
    }
    return value;
  }

  /** Ends the reading. */
  end(): void {
    const [unknown] = this.#unread;
    if (unknown !== undefined) {
      throw this.#error(`unknown attribute ${unknown}`);
    }
  }

  #read(name: string, form: keyof typeof forms): string | undefined {
    const text = this.#values.get(name);
    this.#unread.delete(name);
    if (text !== undefined && !forms[form].test(text)) {
      throw this.#error(`${name}=${text} is not of the form ${form}`);
    }
    return text;
  }

  #error(message: string): PlaylistSyntaxError {
    return new PlaylistSyntaxError(this.#line, '4.2', `${this.#tag}: ${message}`);
  }
}
