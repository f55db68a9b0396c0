import type { MessagePort } from 'node:worker_threads';

import type { PipeMessage } from './messages.ts';
import { readRecords, RecordWriter, type PacketRecord } from './packet-records.ts';

/** Bytes that may be on their way: what a thread does not read in time is dropped, as a full socket's queue would. */
const MAX_UNDER_WAY_BYTES = 4 * 1024 * 1024;

/** What a pipe tells its end. */
export type PacketPipeEvents = {
  readonly packet: (record: PacketRecord) => void;
  /** Packets that found the pipe full. */
  readonly dropped: (packets: number) => void;
};

/** Packets to and from another thread: those of one turn of the event loop go in one message, with a bound on what is under way. */
export class PacketPipe {
  readonly #port: MessagePort;
  readonly #events: PacketPipeEvents;
  readonly #writer = new RecordWriter();
  #underWay = 0;
  #flush: NodeJS.Immediate | undefined;
  #isClosed = false;

  constructor(port: MessagePort, events: PacketPipeEvents) {
    this.#port = port;
    this.#events = events;
  }

  /** Sends a packet with this turn's others; `bytes` may be used again at once. @returns whether it was taken. */
  send(key: string, bytes: Uint8Array, isForeign = false): boolean {
    if (this.#isClosed || this.#underWay + this.#writer.byteLength > MAX_UNDER_WAY_BYTES) {
      this.#events.dropped(1);
      return false;
    }
    if (!this.#writer.add(key, bytes, isForeign)) {
      this.flush();
      if (!this.#writer.add(key, bytes, isForeign)) {
        this.#events.dropped(1);
        return false;
      }
    }
    this.#flush ??= setImmediate(() => this.flush());
    return true;
  }

  /** Sends what waits. Call it before posting anything that must not overtake it. */
  flush(): void {
    if (this.#flush !== undefined) {
      clearImmediate(this.#flush);
      this.#flush = undefined;
    }
    if (this.#writer.byteLength > 0 && !this.#isClosed) {
      const bytes = this.#writer.take();
      this.#underWay += bytes.byteLength;
      this.#port.postMessage({ kind: 'packets', bytes } satisfies PipeMessage, [bytes.buffer]);
    }
  }

  /** Takes a message of the other end. */
  receive(message: PipeMessage): void {
    if (message.kind === 'taken') {
      this.#underWay -= message.bytes;
      return;
    }
    for (const record of readRecords(message.bytes)) {
      this.#events.packet(record);
    }
    if (!this.#isClosed) {
      this.#port.postMessage({ kind: 'taken', bytes: message.bytes.byteLength } satisfies PipeMessage);
    }
  }

  /** Drops what waits. Idempotent. */
  close(): void {
    this.#isClosed = true;
    if (this.#flush !== undefined) {
      clearImmediate(this.#flush);
      this.#flush = undefined;
    }
  }
}
