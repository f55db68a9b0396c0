import { Memory } from '../native/memory.ts';
import type { PacketBatch } from '../packet-batch.ts';

import { E_BIT, type BatchPlan, type Control, type Incoming, type Opener, type Sealer } from './cipher.ts';
import { GCM_IV, GCM_TAG, type AeadEngine, type EngineMaker } from './engine.ts';
import { RTCP_HEADER } from './header.ts';
import { LABEL, deriveKey } from './key-derivation.ts';

/** Bytes of the E bit and the SRTCP index. */
const INDEX = 4;

/** The vector and SRTCP's associated data: filled anew for each packet of the thread. */
const iv = Memory.alloc(GCM_IV);
const control = Memory.alloc(RTCP_HEADER + INDEX);

/** The session keys and salts of one direction, RFC 7714, 11. */
export type GcmKeys = { readonly rtp: Uint8Array; readonly rtpSalt: Uint8Array; readonly rtcp: Uint8Array; readonly rtcpSalt: Uint8Array };

/** Derives a direction's keys from its master key and salt. */
export function gcmKeys(masterKey: Uint8Array, masterSalt: Uint8Array): GcmKeys {
  return {
    rtp: deriveKey(masterKey, masterSalt, LABEL.rtpEncryption, 16),
    rtpSalt: deriveKey(masterKey, masterSalt, LABEL.rtpSalt, GCM_IV),
    rtcp: deriveKey(masterKey, masterSalt, LABEL.rtcpEncryption, 16),
    rtcpSalt: deriveKey(masterKey, masterSalt, LABEL.rtcpSalt, GCM_IV),
  };
}

/** AEAD_AES_128_GCM in one direction, RFC 7714. Engines are made when first needed: most sessions receive no RTP. */
abstract class Gcm {
  readonly #keys: GcmKeys;
  readonly #engines: EngineMaker;
  readonly #direction: 'seal' | 'open';
  readonly #rtpSalt: DataView;
  readonly #rtcpSalt: DataView;
  #rtp: AeadEngine | undefined;
  #rtcp: AeadEngine | undefined;

  constructor(keys: GcmKeys, engines: EngineMaker, direction: 'seal' | 'open') {
    this.#keys = keys;
    this.#engines = engines;
    this.#direction = direction;
    this.#rtpSalt = viewOf(keys.rtpSalt);
    this.#rtcpSalt = viewOf(keys.rtcpSalt);
  }

  protected get rtpEngine(): AeadEngine {
    return (this.#rtp ??= this.#engines.aead(this.#keys.rtp, this.#direction, 'often'));
  }

  protected get rtcpEngine(): AeadEngine {
    return (this.#rtcp ??= this.#engines.aead(this.#keys.rtcp, this.#direction, 'seldom'));
  }

  /** `00 00 | SSRC | ROC | SEQ` XOR salt, RFC 7714, 8.1. */
  protected rtpIv(ssrc: number, rollover: number, sequenceNumber: number): Memory {
    fillIv(this.#rtpSalt, ssrc, rollover, sequenceNumber);
    return iv;
  }

  /** `00 00 | SSRC | 00 00 | SRTCP index` XOR salt, RFC 7714, 9.1. */
  protected rtcpIv(ssrc: number, index: number): Memory {
    fillIv(this.#rtcpSalt, ssrc, index >>> 16, index & 0xffff);
    return iv;
  }

  close(): void {
    this.#rtp?.close();
    this.#rtcp?.close();
  }
}

/** Seals RTP and RTCP. */
export class GcmSealer extends Gcm implements Sealer {
  constructor(keys: GcmKeys, engines: EngineMaker) {
    super(keys, engines, 'seal');
  }

  rtp(batch: PacketBatch, memory: Memory, plan: BatchPlan): boolean {
    const engine = this.rtpEngine;
    let sealed = true;
    for (let i = 0; i < batch.count; i += 1) {
      const offset = plan.payloadOffsets[i] ?? 0;
      if (offset === 0) {
        continue;
      }
      const at = batch.starts[i] ?? 0;
      const vector = this.rtpIv(plan.ssrcs[i] ?? 0, plan.rollovers[i] ?? 0, plan.sequenceNumbers[i] ?? 0);
      sealed = engine.run(vector, memory, at, offset, memory, at + offset, (batch.lengths[i] ?? 0) - offset) && sealed;
    }
    return sealed;
  }

  rtcp({ memory, length, ssrc, index }: Control): number {
    // Associated data: the header, then E bit and index, which travel behind the tag (RFC 7714, 9.2).
    memory.bytes.copy(control.bytes, 0, 0, RTCP_HEADER);
    control.view.setUint32(RTCP_HEADER, E_BIT + index);
    const text = length - RTCP_HEADER;
    if (!this.rtcpEngine.run(this.rtcpIv(ssrc, index), control, 0, RTCP_HEADER + INDEX, memory, RTCP_HEADER, text)) {
      return 0;
    }
    memory.view.setUint32(length + GCM_TAG, E_BIT + index);
    return length + GCM_TAG + INDEX;
  }
}

/** Opens RTP and RTCP. */
export class GcmOpener extends Gcm implements Opener {
  constructor(keys: GcmKeys, engines: EngineMaker) {
    super(keys, engines, 'open');
  }

  indexAt(length: number): number {
    return length - INDEX;
  }

  rtp({ memory, length, payloadOffset, ssrc, rollover, sequenceNumber }: Incoming): boolean {
    const vector = this.rtpIv(ssrc, rollover, sequenceNumber);
    return this.rtpEngine.run(vector, memory, 0, payloadOffset, memory, payloadOffset, length - payloadOffset - GCM_TAG);
  }

  rtcp({ memory, length, ssrc, index }: Control, encrypted: boolean): boolean {
    const vector = this.rtcpIv(ssrc, index);
    if (encrypted) {
      memory.bytes.copy(control.bytes, 0, 0, RTCP_HEADER);
      control.view.setUint32(RTCP_HEADER, E_BIT + index);
      return this.rtcpEngine.run(vector, control, 0, RTCP_HEADER + INDEX, memory, RTCP_HEADER, length - RTCP_HEADER);
    }
    // In the clear all of the packet is associated data, the word behind the tag too (RFC 7714, 9.3): their places change.
    memory.bytes.copyWithin(length + INDEX, length, length + GCM_TAG);
    memory.view.setUint32(length, index);
    return this.rtcpEngine.run(vector, memory, 0, length + INDEX, memory, length + INDEX, 0);
  }
}

function fillIv(salt: DataView, ssrc: number, high: number, low: number): void {
  const { view } = iv;
  view.setUint16(0, salt.getUint16(0));
  view.setUint32(2, salt.getUint32(2) ^ ssrc);
  view.setUint32(6, salt.getUint32(6) ^ high);
  view.setUint16(10, salt.getUint16(10) ^ low);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
