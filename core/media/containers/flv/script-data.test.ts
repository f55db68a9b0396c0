import { describe, expect, it } from 'vitest';

import { encodeAmf0, encodeEcmaArray, type AmfObject } from './amf0.ts';
import { parseOnMetaData, parseTimedScript } from './script-data.ts';

const message = (object: AmfObject, before = encodeAmf0('@setDataFrame', 'onMetaData')): Uint8Array => Uint8Array.of(...before, ...encodeEcmaArray(object));

describe('parseOnMetaData (FLV, E.5)', () => {
  it('reads what an encoder claims', () => {
    const said = { encoder: 'obs-output module (libobs version 31.0.0)', framerate: 60, audiocodecid: 'mp4a', videocodecid: 'avc1', stereo: true };
    const claims = { encoder: 'obs-output module (libobs version 31.0.0)', frameRate: 60, hasAudio: true, hasVideo: true };
    expect(parseOnMetaData(message(said))).toEqual(claims);
    expect(parseOnMetaData(message(said, encodeAmf0('onMetaData')))).toEqual(claims);
  });

  it('takes a codec that is not named for a track that is not there', () => {
    expect(parseOnMetaData(message({ videocodecid: 7 }))).toEqual({ hasVideo: true, hasAudio: false });
    expect(parseOnMetaData(message({ hasAudio: true, videocodecid: 7 }))).toEqual({ hasVideo: true, hasAudio: true });
    expect(parseOnMetaData(message({ width: 1280 }))).toEqual({});
  });

  it.each([[0], [-1], [1001], [Number.NaN], [Number.POSITIVE_INFINITY]])('does not believe a frame rate of %d', (framerate) => {
    expect(parseOnMetaData(message({ framerate }))).toEqual({});
  });

  it('bounds the encoder\'s name and takes control characters out', () => {
    expect(parseOnMetaData(message({ encoder: `a\n\u001b[31m${'x'.repeat(5000)}` }))?.encoder).toBe(`a[31m${'x'.repeat(95)}`);
    // Only the beginning is looked at: a name of megabytes would take as long as a picture to encode.
    expect(parseOnMetaData(message({ encoder: `${'\n'.repeat(400)}x` }))?.encoder).toBe('');
    expect(parseOnMetaData(message({ encoder: 5 }))).toEqual({});
  });

  it('sees nothing in other scripts', () => {
    expect(parseOnMetaData(encodeAmf0('onCuePoint', {}))).toBeUndefined();
    expect(parseOnMetaData(encodeAmf0('onMetaData', 'text'))).toBeUndefined();
    expect(parseOnMetaData(new Uint8Array())).toBeUndefined();
  });
});

describe('parseTimedScript (FLV, E.5)', () => {
  it.each([
    ['onTextData', { text: '"¿Qué?"', language: 'es', trackid: 1 }],
    ['onCuePoint', { name: 'quiz', time: 1.5, type: 'event', parameters: { round: '1', list: [1, null, true] } }],
  ] as const)('reads %s as JSON', (name, object) => {
    expect(parseTimedScript(encodeAmf0(name, object))).toEqual({ name, data: JSON.stringify(object) });
    expect(parseTimedScript(Uint8Array.of(...encodeAmf0(name), ...encodeEcmaArray(object)))).toEqual({ name, data: JSON.stringify(object) });
  });

  it('reads what is not there as null', () => {
    expect(parseTimedScript(encodeAmf0('onTextData'))).toEqual({ name: 'onTextData', data: 'null' });
    expect(parseTimedScript(encodeAmf0('onTextData', undefined))).toEqual({ name: 'onTextData', data: 'null' });
    expect(parseTimedScript(encodeAmf0('onCuePoint', { time: Number.NaN }))).toEqual({ name: 'onCuePoint', data: '{"time":null}' });
  });

  it('sees nothing in other scripts', () => {
    expect(parseTimedScript(message({ text: 'a' }))).toBeUndefined();
    expect(parseTimedScript(new Uint8Array())).toBeUndefined();
  });
});
