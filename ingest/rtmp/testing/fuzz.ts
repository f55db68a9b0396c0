import { encodeAmf0, encodeEcmaArray } from '#core/media/containers/flv/amf0.ts';

import { MESSAGE } from '../protocol.ts';
import { bigEndian, chunks, command, concat, connectCommand, handshakeBytes, publishCommand, publishingBytes, setChunkSize } from './client.ts';
import { GOOD_KEY, audio, video } from './harness.ts';
import { NAL, SETS_360, aacFrame, aacHeader, avcFrame, avcHeader, enhancedAudio, enhancedVideo } from './media.ts';

/** A source of numbers in [0, 1) that repeats for one seed. */
export type Random = () => number;

/** What a publisher sends before it is answered, and after. */
export type FuzzSeed = { readonly name: string; readonly before: Uint8Array; readonly after: Uint8Array };

/** Values that lengths, sizes and ids break at. */
const EDGES = [0, 1, 0x7f, 0x80, 0xff, 0xffff, 0x7f_ffff, 0xff_ffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

/** Mulberry32. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b_79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Well-formed conversations to mutate: one for each way through the session. */
export function rtmpSeeds(): FuzzSeed[] {
  const metadata = concat(encodeAmf0('@setDataFrame', 'onMetaData'), encodeEcmaArray({ width: 1280, encoder: 'fuzz', framerate: 30, list: [1, 'a', null], audiocodecid: 10 }));
  const media = concat(
    chunks({ type: MESSAGE.dataAmf0, payload: metadata, streamId: 1 }),
    chunks({ type: MESSAGE.dataAmf0, payload: encodeAmf0('onCuePoint', { name: 'quiz', parameters: { list: [1, 'a', null] } }), streamId: 1 }),
    video(avcHeader()),
    audio(aacHeader()),
    video(avcFrame([NAL.aud, NAL.sei, NAL.idr], { compositionTime: 66 }), 33),
    audio(aacFrame(), 40),
    video(avcFrame([SETS_360.sps, SETS_360.pps, NAL.idr]), 0xff_ffff),
    video(avcFrame([new Uint8Array(400).fill(0x41)], { compositionTime: -1 }), 0xffff_fff0),
  );
  const control = concat(
    chunks(setChunkSize(4096)),
    chunks({ type: MESSAGE.windowAcknowledgementSize, payload: Uint8Array.from(bigEndian(100_000, 4)), chunkStreamId: 2 }),
    chunks({ type: MESSAGE.userControl, payload: Uint8Array.of(0, 6, 0, 0, 0, 1), chunkStreamId: 2 }),
    chunks({ type: MESSAGE.abort, payload: Uint8Array.from(bigEndian(6, 4)), chunkStreamId: 2 }),
    chunks({ type: MESSAGE.acknowledgement, payload: Uint8Array.from(bigEndian(5000, 4)), chunkStreamId: 2 }),
  );
  const enhanced = concat(video(enhancedVideo('avc1', 0, avcHeader().subarray(5))), video(enhancedVideo('avc1', 3, avcFrame([NAL.idr]).subarray(5))), audio(enhancedAudio('mp4a', 0, Uint8Array.of(0x11, 0x90))));
  const accepted = publishingBytes(GOOD_KEY);
  return [
    { name: 'media', before: accepted, after: media },
    { name: 'control messages', before: accepted, after: concat(control, media) },
    { name: 'enhanced media', before: accepted, after: enhanced },
    { name: 'unpublish and publish again', before: accepted, after: concat(media, chunks(command('deleteStream', 6, null, 1)), chunks(publishCommand(GOOD_KEY))) },
    { name: 'a refused key', before: publishingBytes('demo_wrongwrongwrongwrong'), after: media },
    { name: 'a player', before: concat(handshakeBytes(), chunks(connectCommand()), chunks({ ...command('play', 2, null, 'demo'), streamId: 1 })), after: media },
    { name: 'big chunk stream ids', before: accepted, after: concat(...[70, 400, 60_000].map((chunkStreamId) => chunks({ type: MESSAGE.video, payload: avcHeader(), streamId: 1, chunkStreamId }))) },
  ];
}

/** A changed copy: one to six changes of bits, bytes, spans, lengths. */
export function mutate(bytes: Uint8Array, random: Random): Uint8Array {
  let out: Uint8Array = bytes.slice();
  const below = (end: number): number => Math.floor(random() * end);
  for (let change = 1 + below(6); change > 0 && out.length > 0; change -= 1) {
    const at = below(out.length);
    const span = 1 + below(Math.min(64, out.length - at));
    switch (below(7)) {
      case 0:
        out[at] = (out[at] ?? 0) ^ (1 << below(8));
        break;
      case 1:
        out[at] = below(256);
        break;
      case 2:
        out = concat(out.subarray(0, at), out.subarray(at + span));
        break;
      case 3:
        out = concat(out.subarray(0, at), out.subarray(at, at + span), out.subarray(at));
        break;
      case 4:
        out = concat(out.subarray(0, at), Uint8Array.from({ length: span }, () => below(256)), out.subarray(at));
        break;
      case 5:
        out.set(bigEndian(EDGES[below(EDGES.length)] ?? 0, 4).slice(4 - Math.min(4, out.length - at)), at);
        break;
      default:
        out = out.slice(0, at);
    }
  }
  return out;
}

/** Bytes in pieces of random length, as a network hands them over. */
export function pieces(bytes: Uint8Array, random: Random): Uint8Array[] {
  const out: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + Math.floor(random() * (random() < 0.2 ? 8 : 3000));
    out.push(bytes.subarray(at, at + size));
    at += size;
  }
  return out;
}
