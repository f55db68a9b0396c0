import { avcFrame, avcHeader, aacFrame, aacHeader, NAL, SETS_1080, SETS_360 } from '#ingest/rtmp/testing/media.ts';
import { chunks, command, concat, publishCommand, publishingBytes, setChunkSize, bigEndian, type OutMessage } from '#ingest/rtmp/testing/client.ts';
import { encodeAmf0, encodeEcmaArray } from '#core/media/containers/flv/amf0.ts';
import { MESSAGE } from '#ingest/rtmp/protocol.ts';

import { EXTREMES, mutate, type Random } from './mutate.ts';

/** Values of timestamps that clocks break at. */
const TIMES = [0, 1, 33, 1000, 0x7fff_ffff, 0x8000_0000, 0xff_ffff, 0xffff_ffff, 0xffff_ff00];
const SETS = [SETS_1080, SETS_360];

/** How many messages a conversation may have. */
const MAX_MESSAGES = 120;

/**
 * A publisher's conversation that is broken in its structure, not in its bytes: messages in a wrong order, twice, with
 * times that leap, of wrong types and streams, cut into odd chunks, interleaved, given up, with payloads damaged where
 * parsers look. Mutated bytes seldom get so far: most of them break the chunk stream first.
 *
 * @returns pieces to be sent with a pause between them, so that an epoch can begin before all is said.
 */
export function rtmpConversation(random: Random, key: string): Uint8Array[] {
  const out: Uint8Array[] = [];
  let chunkSize = 128;
  let clock = random.pick(TIMES);
  const write = (message: OutMessage): void => {
    const bytes = chunks(message, chunkSize);
    out.push(random.chance(0.02) ? abandoned(bytes, random) : bytes);
  };
  for (let left = 1 + random.int(MAX_MESSAGES); left > 0; left -= 1) {
    clock = random.chance(0.05) ? random.pick(TIMES) : clock + random.pick([0, 0, 1, 16, 20, 33, 40, 500, -40]);
    if (random.chance(0.1)) {
      const message = control(random, key);
      write(message);
      if (message.type === MESSAGE.setChunkSize && message.payload.length === 4) {
        chunkSize = Math.max(1, Math.min(65_536, new DataView(message.payload.buffer, message.payload.byteOffset).getUint32(0) & 0x7fff_ffff));
      }
    } else {
      write(media(random, clock >>> 0));
    }
  }
  const cut = random.int(out.length + 1);
  const opening = random.chance(0.8) ? [goodOpening(random)] : [];
  return [publishingBytes(key), ...opening, concat(...out.slice(0, cut)), concat(...out.slice(cut))];
}

/** More than two seconds of sound media: an epoch begins, so that what follows breaks one that runs. */
function goodOpening(random: Random): Uint8Array {
  const hasAudio = random.chance(0.6);
  const sets = random.pick(SETS);
  const out = [chunks({ type: MESSAGE.video, payload: avcHeader(sets), streamId: 1, chunkStreamId: 6 })];
  if (hasAudio) {
    out.push(chunks({ type: MESSAGE.audio, payload: aacHeader(), streamId: 1, chunkStreamId: 4 }));
  }
  for (let n = 0; n < 66; n += 1) {
    const timestamp = Math.round((n * 1000) / 30);
    out.push(chunks({ type: MESSAGE.video, payload: avcFrame([n % 30 === 0 ? NAL.idr : NAL.slice]), timestamp, streamId: 1, chunkStreamId: 6 }));
    if (hasAudio) {
      out.push(chunks({ type: MESSAGE.audio, payload: aacFrame(), timestamp, streamId: 1, chunkStreamId: 4 }));
    }
  }
  return concat(...out);
}

function media(random: Random, timestamp: number): OutMessage {
  const isVideo = random.chance(0.6);
  const payload = isVideo ? videoPayload(random) : audioPayload(random);
  const damaged = random.chance(0.15) ? mutate(payload, random) : payload;
  return {
    type: random.chance(0.02) ? random.int(256) : isVideo ? MESSAGE.video : MESSAGE.audio,
    payload: damaged,
    streamId: random.chance(0.02) ? random.pick([0, 2, 0xff_ffff]) : 1,
    timestamp,
    chunkStreamId: random.chance(0.05) ? 2 + random.int(70_000) % 65_598 : isVideo ? 6 : 4,
  };
}

function videoPayload(random: Random): Uint8Array {
  if (random.chance(0.12)) {
    return avcHeader(changedSets(random));
  }
  const nals = Array.from({ length: 1 + random.int(4) }, () => random.pick([NAL.idr, NAL.slice, NAL.slice, NAL.sei, NAL.aud, NAL.filler, SETS_360.sps, SETS_360.pps, new Uint8Array()]));
  return avcFrame(nals, { claimKey: random.chance(0.3), compositionTime: random.chance(0.1) ? random.pick(EXTREMES) & 0xff_ffff : random.pick([0, 33, 66]) });
}

/** Parameter sets with a few bits of theirs changed: sizes, counts, VUI. The first bytes stay, so that a header can be built. */
function changedSets(random: Random): { readonly sps: Uint8Array; readonly pps: Uint8Array } {
  const { sps, pps } = random.pick(SETS);
  const changed = sps.slice();
  for (let times = random.int(3); times > 0; times -= 1) {
    const at = 4 + random.int(changed.length - 4);
    changed[at] = (changed[at] ?? 0) ^ (1 << random.int(8));
  }
  try {
    avcHeader({ sps: changed, pps });
    return { sps: changed, pps };
  } catch {
    return { sps, pps };
  }
}

function audioPayload(random: Random): Uint8Array {
  if (random.chance(0.1)) {
    return aacHeader(random.pick(['1190', '1210', '2b118800', 'ffffff', '00', '', 'f80000', '13885600']));
  }
  return aacFrame(new Uint8Array(random.int(400)).fill(0x21));
}

function control(random: Random, key: string): OutMessage {
  const metadata = { width: random.pick(EXTREMES), framerate: random.pick([0, 30, -1, 1e9]), audiocodecid: random.pick([10, 0]), encoder: 'x'.repeat(random.int(300)), hasAudio: random.chance(0.5) };
  return random.pick<() => OutMessage>([
    () => setChunkSize(random.pick([1, 2, 128, 4096, 65_536, 0x7fff_ffff, 0])),
    () => ({ type: MESSAGE.abort, payload: Uint8Array.from(bigEndian(random.pick([3, 4, 6, 70]), 4)), chunkStreamId: 2 }),
    () => ({ type: MESSAGE.userControl, payload: Uint8Array.from([0, random.int(8), ...bigEndian(random.pick(EXTREMES), 4)]), chunkStreamId: 2 }),
    () => ({ type: MESSAGE.windowAcknowledgementSize, payload: Uint8Array.from(bigEndian(random.pick(EXTREMES), 4)), chunkStreamId: 2 }),
    () => ({ type: MESSAGE.dataAmf0, payload: concat(encodeAmf0('@setDataFrame', 'onMetaData'), encodeEcmaArray(metadata)), streamId: 1 }),
    () => ({ type: MESSAGE.commandAmf0, payload: mutate(encodeAmf0('createStream', 4, null), random) }),
    () => command('FCUnpublish', 6, null, key),
    () => command('deleteStream', 7, null, random.int(3)),
    () => command('createStream', 8, null),
    () => publishCommand(key, random.int(3)),
    () => ({ type: MESSAGE.aggregate, payload: new Uint8Array(random.int(50)), streamId: 1 }),
  ])();
}

/** A message that ends in the middle, and what follows begins anew. */
function abandoned(bytes: Uint8Array, random: Random): Uint8Array {
  return bytes.subarray(0, Math.min(bytes.length, 12 + random.int(bytes.length)));
}
