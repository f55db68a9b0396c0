/** Stands for bytes in JSON. Keys of the caller's own that begin with `$` get another one in front. */
const BYTES = '$bytes';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A plain value as JSON, in which a `Uint8Array` comes back as one (codec descriptions in catalogs). */
export function encodeValue(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value, replace) ?? '');
}

/**
 * What {@link encodeValue} was given; nothing encoded is undefined.
 *
 * @throws {SyntaxError} where it is not JSON.
 */
export function decodeValue(bytes: Uint8Array): unknown {
  return bytes.byteLength === 0 ? undefined : JSON.parse(decoder.decode(bytes), revive);
}

function replace(this: unknown, key: string, value: unknown): unknown {
  // A Buffer would have turned itself into something else by now.
  const given = (this as Record<string, unknown>)[key];
  if (given instanceof Uint8Array) {
    return { [BYTES]: given.toBase64() };
  }
  if (isObject(value) && Object.keys(value).some((key) => key.startsWith('$'))) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key.startsWith('$') ? `$${key}` : key, inner]));
  }
  return value;
}

function revive(_key: string, value: unknown): unknown {
  if (!isObject(value)) {
    return value;
  }
  if (typeof value[BYTES] === 'string') {
    return Uint8Array.fromBase64(value[BYTES]);
  }
  if (Object.keys(value).some((key) => key.startsWith('$$'))) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key.startsWith('$$') ? key.slice(1) : key, inner]));
  }
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
