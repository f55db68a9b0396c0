import { createCipheriv, createDecipheriv } from 'node:crypto';

import { writeRecord, type DtlsRecord } from './record.ts';

const ALGORITHM = 'aes-128-gcm';
const EXPLICIT_NONCE_BYTES = 8;
const TAG_BYTES = 16;

/** Write key (16 bytes) and implicit nonce (4 bytes) of one direction. */
export type RecordKeys = { readonly key: Uint8Array; readonly salt: Uint8Array };

/** AES-128-GCM on records, RFC 5288, 3: the explicit nonce is epoch and sequence number. */
export class RecordCipher {
  readonly #local: RecordKeys;
  readonly #remote: RecordKeys;

  constructor(local: RecordKeys, remote: RecordKeys) {
    this.#local = local;
    this.#remote = remote;
  }

  /** The record's plain content; undefined where it is forged or too short. */
  open(record: DtlsRecord): Buffer | undefined {
    const { fragment } = record;
    const length = fragment.length - EXPLICIT_NONCE_BYTES - TAG_BYTES;
    if (length < 0) {
      return undefined;
    }
    const decipher = createDecipheriv(ALGORITHM, this.#remote.key, Buffer.concat([this.#remote.salt, fragment.subarray(0, EXPLICIT_NONCE_BYTES)]), { authTagLength: TAG_BYTES });
    decipher.setAuthTag(fragment.subarray(-TAG_BYTES));
    decipher.setAAD(additionalData(record.type, record.epoch, record.sequence, length));
    const plain = decipher.update(fragment.subarray(EXPLICIT_NONCE_BYTES, -TAG_BYTES));
    try {
      decipher.final();
    } catch {
      return undefined;
    }
    return plain;
  }

  /** A protected record. No sequence number may be used twice in an epoch. */
  seal(type: number, epoch: number, sequence: number, plain: Uint8Array): Buffer {
    const nonce = Buffer.alloc(EXPLICIT_NONCE_BYTES);
    nonce.writeUInt16BE(epoch, 0);
    nonce.writeUIntBE(sequence, 2, 6);
    const cipher = createCipheriv(ALGORITHM, this.#local.key, Buffer.concat([this.#local.salt, nonce]), { authTagLength: TAG_BYTES });
    cipher.setAAD(additionalData(type, epoch, sequence, plain.length));
    const encrypted = Buffer.concat([cipher.update(plain), cipher.final()]);
    return writeRecord(type, epoch, sequence, Buffer.concat([nonce, encrypted, cipher.getAuthTag()]));
  }
}

/** seq_num + type + version + length, RFC 5246, 6.2.3.3. */
function additionalData(type: number, epoch: number, sequence: number, length: number): Buffer {
  const data = Buffer.alloc(13);
  data.writeUInt16BE(epoch, 0);
  data.writeUIntBE(sequence, 2, 6);
  data.writeUInt8(type, 8);
  data.writeUInt16BE(0xfefd, 9);
  data.writeUInt16BE(length, 11);
  return data;
}
