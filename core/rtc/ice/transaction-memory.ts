/** Transactions that are remembered: at a check each 2.5 s, five minutes. */
const REMEMBERED = 128;

/**
 * The last transactions of one peer and where each came from, so that a recorded request sent again from elsewhere is told from
 * the peer's own repetition. Kept as hashes: 1 KB a session.
 */
export class TransactionMemory {
  readonly #transactions = new Uint32Array(REMEMBERED);
  readonly #origins = new Uint32Array(REMEMBERED);
  #at = 0;
  #size = 0;

  /** Remembers a verified request: `new`, `repeated` from the same address, or `replayed` from another one. */
  meet(transaction: Buffer, origin: string): 'new' | 'repeated' | 'replayed' {
    const id = (transaction.readUInt32BE(0) ^ transaction.readUInt32BE(4) ^ transaction.readUInt32BE(8)) >>> 0;
    const from = hashOf(origin);
    for (let at = 0; at < this.#size; at++) {
      if (this.#transactions[at] === id) {
        return this.#origins[at] === from ? 'repeated' : 'replayed';
      }
    }
    this.#transactions[this.#at] = id;
    this.#origins[this.#at] = from;
    this.#at = (this.#at + 1) % REMEMBERED;
    this.#size = Math.min(this.#size + 1, REMEMBERED);
    return 'new';
  }
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  return hash >>> 0;
}
