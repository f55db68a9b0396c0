/** What the server makes of the broadcast. */
export type BroadcastFacts = {
  readonly state: 'live' | 'interrupted' | 'offline';
  readonly viewers: number;
  /** Empty where all is well, or where the server does not tell whoever holds this key. */
  readonly warnings: readonly Warning[];
};

/** A warning in plain words. */
export type Warning = { readonly code: string; readonly message: string };

/**
 * Asks the API about the stream of a key. The key opens the broadcaster's own facts.
 *
 * @throws TypeError, DOMException - the server cannot be reached
 * @throws Error - it answers something else
 */
export async function fetchBroadcast(url: string, key: string, signal: AbortSignal): Promise<BroadcastFacts> {
  const response = await fetch(url, { headers: { Authorization: `Bearer ${key}` }, cache: 'no-store', signal });
  const facts = response.ok ? readBroadcast(await response.json()) : undefined;
  if (facts === undefined) {
    throw new Error(`The API answers with HTTP ${response.status}.`);
  }
  return facts;
}

/** Reads an answer of the API; undefined for what is none. Tolerates additions and what is missing. */
export function readBroadcast(value: unknown): BroadcastFacts | undefined {
  if (!isRecord(value) || (value['state'] !== 'live' && value['state'] !== 'interrupted' && value['state'] !== 'offline')) {
    return undefined;
  }
  const viewers = isRecord(value['viewers']) ? value['viewers']['total'] : undefined;
  const warnings = isRecord(value['broadcaster']) ? value['broadcaster']['warnings'] : undefined;
  return {
    state: value['state'],
    viewers: typeof viewers === 'number' ? viewers : 0,
    warnings: Array.isArray(warnings) ? warnings.flatMap((warning: unknown) => readWarning(warning) ?? []) : [],
  };
}

function readWarning(value: unknown): Warning | undefined {
  return isRecord(value) && typeof value['code'] === 'string' && typeof value['message'] === 'string' ? { code: value['code'], message: value['message'] } : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
