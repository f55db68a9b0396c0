import { timingSafeEqual } from 'node:crypto';

import { Memory } from '../native/memory.ts';
import type { PacketBatch } from '../packet-batch.ts';

import { E_BIT, type BatchPlan, type Control, type Incoming, type Opener, type Sealer } from './cipher.ts';
import { SHA1, type EngineMaker, type KeystreamEngine, type MacEngine } from './engine.ts';
import { RTCP_HEADER } from './header.ts';
import { LABEL, deriveKey } from './key-derivation.ts';

/** Bytes of HMAC-SHA1-80. */
export const MAC_TAG = 10;
/** Bytes of the E bit and the SRTCP index. */
const INDEX = 4;
const SALT = 14;

/** The counter's start and the tag that came: filled anew for each packet of the thread. */
const iv = Memory.alloc(16);
const received = Buffer.alloc(MAC_TAG);

/** The session keys and salts of one direction, RFC 3711, 4.3. */
export type CounterModeKeys = {
  readonly rtp: Uint8Array;
  readonly rtpAuthentication: Uint8Array;
  readonly rtpSalt: Uint8Array;
  readonly rtcp: Uint8Array;
  readonly rtcpAuthentication: Uint8Array;
  readonly rtcpSalt: Uint8Array;
};

/** Derives a direction's keys from its master key and salt. */
export function counterModeKeys(masterKey: Uint8Array, masterSalt: Uint8Array): CounterModeKeys {
  return {
    rtp: deriveKey(masterKey, masterSalt, LABEL.rtpEncryption, 16),
    rtpAuthentication: deriveKey(masterKey, masterSalt, LABEL.rtpAuthentication, SHA1),
    rtpSalt: deriveKey(masterKey, masterSalt, LABEL.rtpSalt, SALT),
    rtcp: deriveKey(masterKey, masterSalt, LABEL.rtcpEncryption, 16),
    rtcpAuthentication: deriveKey(masterKey, masterSalt, LABEL.rtcpAuthentication, SHA1),
    rtcpSalt: deriveKey(masterKey, masterSalt, LABEL.rtcpSalt, SALT),
  };
}

/** AES_CM_128_HMAC_SHA1_80 in one direction, RFC 3711. Engines are made when first needed: most sessions receive no RTP. */
abstract class CounterMode {
  readonly #keys: CounterModeKeys;
  readonly #engines: EngineMaker;
  #rtp: KeystreamEngine | undefined;
  #rtpMac: MacEngine | undefined;
  #rtcp: KeystreamEngine | undefined;
  #rtcpMac: MacEngine | undefined;

  constructor(keys: CounterModeKeys, engines: EngineMaker) {
    this.#keys = keys;
    this.#engines = engines;
  }

  protected get rtpKeystream(): KeystreamEngine {
    return (this.#rtp ??= this.#engines.keystream(this.#keys.rtp));
  }

  protected get rtpMac(): MacEngine {
    return (this.#rtpMac ??= this.#engines.mac(this.#keys.rtpAuthentication));
  }

  protected get rtcpKeystream(): KeystreamEngine {
    return (this.#rtcp ??= this.#engines.keystream(this.#keys.rtcp));
  }

  protected get rtcpMac(): MacEngine {
    return (this.#rtcpMac ??= this.#engines.mac(this.#keys.rtcpAuthentication));
  }

  /** `salt * 2^16 XOR SSRC * 2^64 XOR index * 2^16`, RFC 3711, 4.1.1. */
  protected rtpIv(ssrc: number, rollover: number, sequenceNumber: number): Memory {
    return fillIv(this.#keys.rtpSalt, ssrc, rollover, sequenceNumber);
  }

  protected rtcpIv(ssrc: number, index: number): Memory {
    return fillIv(this.#keys.rtcpSalt, ssrc, index >>> 16, index & 0xffff);
  }

  close(): void {
    this.#rtp?.close();
    this.#rtpMac?.close();
    this.#rtcp?.close();
    this.#rtcpMac?.close();
  }
}

/** Seals RTP and RTCP. */
export class CounterModeSealer extends CounterMode implements Sealer {
  rtp(batch: PacketBatch, memory: Memory, plan: BatchPlan): boolean {
    const keystream = this.rtpKeystream;
    for (let i = 0; i < batch.count; i += 1) {
      const offset = plan.payloadOffsets[i] ?? 0;
      if (offset !== 0) {
        const vector = this.rtpIv(plan.ssrcs[i] ?? 0, plan.rollovers[i] ?? 0, plan.sequenceNumbers[i] ?? 0);
        keystream.queue(vector, memory, (batch.starts[i] ?? 0) + offset, (batch.lengths[i] ?? 0) - offset);
      }
    }
    let sealed = keystream.flush();
    const mac = this.rtpMac;
    for (let i = 0; i < batch.count; i += 1) {
      if ((plan.payloadOffsets[i] ?? 0) !== 0) {
        const at = batch.starts[i] ?? 0;
        const length = batch.lengths[i] ?? 0;
        // The digest is of the packet and the rollover counter (RFC 3711, 4.2), which the tag then takes the place of.
        memory.view.setUint32(at + length, plan.rollovers[i] ?? 0);
        sealed = writeTag(mac.digest(memory, at, length + 4), memory, at + length) && sealed;
      }
    }
    return sealed;
  }

  rtcp({ memory, length, ssrc, index }: Control): number {
    const keystream = this.rtcpKeystream;
    keystream.queue(this.rtcpIv(ssrc, index), memory, RTCP_HEADER, length - RTCP_HEADER);
    if (!keystream.flush()) {
      return 0;
    }
    memory.view.setUint32(length, E_BIT + index);
    const end = length + INDEX;
    return writeTag(this.rtcpMac.digest(memory, 0, end), memory, end) ? end + MAC_TAG : 0;
  }
}

/** Opens RTP and RTCP: the tag first, then the text. */
export class CounterModeOpener extends CounterMode implements Opener {
  indexAt(length: number): number {
    return length - MAC_TAG - INDEX;
  }

  rtp({ memory, length, payloadOffset, ssrc, rollover, sequenceNumber }: Incoming): boolean {
    const end = length - MAC_TAG;
    memory.bytes.copy(received, 0, end, length);
    memory.view.setUint32(end, rollover);
    if (!isTag(this.rtpMac.digest(memory, 0, end + 4))) {
      return false;
    }
    const keystream = this.rtpKeystream;
    keystream.queue(this.rtpIv(ssrc, rollover, sequenceNumber), memory, payloadOffset, end - payloadOffset);
    return keystream.flush();
  }

  rtcp({ memory, length, ssrc, index }: Control, encrypted: boolean): boolean {
    const end = length + INDEX;
    memory.bytes.copy(received, 0, end, end + MAC_TAG);
    if (!isTag(this.rtcpMac.digest(memory, 0, end))) {
      return false;
    }
    if (!encrypted) {
      return true;
    }
    const keystream = this.rtcpKeystream;
    keystream.queue(this.rtcpIv(ssrc, index), memory, RTCP_HEADER, length - RTCP_HEADER);
    return keystream.flush();
  }
}

function fillIv(salt: Uint8Array, ssrc: number, high: number, low: number): Memory {
  const { bytes, view } = iv;
  bytes.set(salt);
  view.setUint32(4, view.getUint32(4) ^ ssrc);
  view.setUint32(8, view.getUint32(8) ^ high);
  view.setUint16(12, view.getUint16(12) ^ low);
  view.setUint16(14, 0);
  return iv;
}

function writeTag(digest: Uint8Array | undefined, memory: Memory, at: number): boolean {
  if (digest === undefined) {
    return false;
  }
  for (let i = 0; i < MAC_TAG; i += 1) {
    memory.bytes[at + i] = digest[i] ?? 0;
  }
  return true;
}

function isTag(digest: Uint8Array | undefined): boolean {
  return digest !== undefined && timingSafeEqual(digest.subarray(0, MAC_TAG), received);
}
