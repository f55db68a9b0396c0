import type { AccessUnit, Depacketizer, DepacketizerInput } from './access-unit.ts';

/** What a payload format makes of one access unit's packets. */
export type AssembledUnit = Omit<AccessUnit, 'timestamp'>;

/** A payload format: takes the payloads of one access unit after another. */
export interface PayloadReader {
  /** Begins a unit; whatever was taken of the one before is void. */
  begin(): void;
  /**
   * Takes the next payload of the unit, never empty.
   *
   * @param afterGap true on a unit's first payload where packets before it were lost: the unit must then prove that it begins here.
   * @returns false where the unit is damaged.
   */
  take(payload: Uint8Array, afterGap: boolean): boolean;
  /** The unit, after its last payload; undefined where it is damaged or holds no picture. */
  finish(): AssembledUnit | undefined;
}

/** Packets of a unit at most: as many as 8 MiB need. Bounds the work of one unit whatever the payloads are. */
const MAX_UNIT_PACKETS = 8192;

/** Finds the bounds of access units among packets: by marker, timestamp and sequence number, the same for every video codec. */
export class UnitAssembler implements Depacketizer {
  readonly #reader: PayloadReader;
  #lastSequence: number | undefined;
  /** Timestamp of the unit that is being collected or thrown away; undefined between units. */
  #timestamp: number | undefined;
  #packets = 0;
  #damaged = false;
  /** Packets were lost before the next one, or nothing came yet. */
  #afterGap = true;
  /** Complete, but the push that completed it gave out the unit before. At most one. */
  readonly #ready: AccessUnit[] = [];

  constructor(reader: PayloadReader) {
    this.#reader = reader;
  }

  push({ payload, marker, timestamp, sequence }: DepacketizerInput): AccessUnit | undefined {
    const last = this.#lastSequence;
    if (last !== undefined && sequence <= last) {
      return undefined;
    }
    if (last !== undefined && sequence !== last + 1) {
      this.gap();
    }
    this.#lastSequence = sequence;
    if (payload.length > 0) {
      this.#take(payload, marker, timestamp);
    }
    return this.#ready.shift();
  }

  gap(): void {
    this.#afterGap = true;
    this.#damaged = true;
  }

  #take(payload: Uint8Array, marker: boolean, timestamp: number): void {
    if (this.#timestamp !== undefined && timestamp !== this.#timestamp) {
      this.#close();
    }
    if (this.#timestamp === undefined) {
      this.#timestamp = timestamp;
      this.#packets = 0;
      this.#damaged = false;
      this.#reader.begin();
      this.#add(payload, this.#afterGap);
    } else {
      this.#add(payload, false);
    }
    this.#afterGap = false;
    if (marker) {
      this.#close();
    }
  }

  #add(payload: Uint8Array, afterGap: boolean): void {
    this.#packets += 1;
    this.#damaged ||= this.#packets > MAX_UNIT_PACKETS || !this.#reader.take(payload, afterGap);
  }

  #close(): void {
    const timestamp = this.#timestamp;
    this.#timestamp = undefined;
    if (timestamp === undefined || this.#damaged) {
      return;
    }
    const unit = this.#reader.finish();
    if (unit !== undefined) {
      this.#ready.push({ timestamp, ...unit });
    }
  }
}
