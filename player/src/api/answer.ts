/** Who answers: whichever edge serves. */
export type Reader = { fetch(url: string, init?: RequestInit): Promise<Response> };

/** How long an answer may take, milliseconds. */
const patience = 5_000;

/**
 * The body of an answer, of `reader` where there is one, else of the page's own server; undefined for 404.
 *
 * @throws TypeError, DOMException - the server cannot be reached
 * @throws Error - it answers something else
 */
export async function ask(url: string, signal: AbortSignal | undefined, reader?: Reader): Promise<unknown> {
  const timeout = AbortSignal.timeout(patience);
  const init: RequestInit = { cache: 'no-store', signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]) };
  const response = await (reader === undefined ? fetch(url, init) : reader.fetch(url, init));
  if (response.status === 404) {
    await response.body?.cancel();
    return undefined;
  }
  if (!response.ok) {
    throw new Error(`HTTP ${response.status}`);
  }
  return response.json();
}

/** True for what has fields. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** A text; undefined for anything else. */
export function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** A finite number; undefined for anything else. */
export function number(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}
