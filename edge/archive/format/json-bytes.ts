/** JSON in which `Uint8Array`s stand as `{ "base64": "..." }`. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, field: unknown) => (field instanceof Uint8Array ? { base64: Buffer.from(field).toString('base64') } : field));
}

/**
 * Reads what {@link toJson} wrote.
 *
 * @throws {SyntaxError} where it is no JSON.
 */
export function fromJson(text: string): unknown {
  return JSON.parse(text, (_key, field: unknown) => {
    const base64 = typeof field === 'object' && field !== null && 'base64' in field ? field.base64 : undefined;
    return typeof base64 === 'string' ? new Uint8Array(Buffer.from(base64, 'base64')) : field;
  }) as unknown;
}
