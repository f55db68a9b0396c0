/** The part of node-media-server 4.4.3 that `protocol.ts` builds on; the package brings no types. */
declare module 'node-media-server/src/protocol/rtmp.js' {
  /** A message as the class cuts it into chunks. */
  export type OutPacket = {
    header: { fmt: number; cid: number; timestamp: number; length: number; type: number; stream_id: number };
    payload: Buffer;
  };

  /** One connection: handshake, chunk stream and commands. */
  export default class Rtmp {
    /** Number of the newest message stream. */
    streams: number;
    /** An FLV parser with a buffer of 1 MiB. */
    flv: unknown;
    outChunkSize: number;
    onOutputCallback: (bytes: Buffer) => void;
    /** Takes handshake bytes, then hands everything to `chunkRead`. */
    parserData(bytes: Buffer): string | null;
    chunkRead(data: Buffer, at: number, length: number): string | null;
    static chunksCreate(packet: OutPacket): Buffer;
    sendACK(sequenceNumber: number): void;
    sendWindowACK(size: number): void;
    setPeerBandwidth(size: number, limitType: number): void;
    setChunkSize(size: number): void;
    sendStreamStatus(event: number, value: number): void;
    sendInvokeMessage(streamId: number, message: object): void;
  }
}
