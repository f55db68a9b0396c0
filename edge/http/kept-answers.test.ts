import { describe, expect, test } from 'vitest';

import type { ConfigId } from '#core/media/track.ts';

import { AUDIO, epochOf, RECORDING, recorded, VIDEO } from '../recordings/testing/recorded.ts';
import type { Directory } from '../llhls/directory.ts';
import type { Exchange, Exchanges } from './exchanges.ts';
import { KeptAnswers } from './kept-answers.ts';
import type { Payload } from './payload.ts';

const frames = epochOf('source-30', 0);
const GROUP = frames[0]?.group ?? 0;

/** What is answered to one request: a body, or the code of the refusal. */
async function answering({ open = false, isRecording = true } = {}) {
  const { archive, broadcast } = await recorded(frames, { open });
  broadcast.isRecording = isRecording;
  const answered = Promise.withResolvers<string | Buffer>();
  const exchanges: Pick<Exchanges, 'send' | 'missing' | 'fail' | 'stamp'> = {
    send: (_exchange, _kind, payload: Payload) => answered.resolve(payload.bytes),
    missing: () => answered.resolve('missing'),
    fail: (_response, _kind, _status, code) => answered.resolve(code),
    stamp: () => undefined,
  };
  const directory = { current: () => ({ info: { broadcast: RECORDING } }), broadcast: () => undefined } as unknown as Directory;
  const kept = new KeptAnswers({ archive, directory, exchanges: exchanges as Exchanges });
  const exchange = { request: { socket: {} }, response: { destroyed: false, once: () => undefined } } as unknown as Exchange;
  const of = { stream: 'demo', broadcast: RECORDING, track: VIDEO };
  return { archive, broadcast, kept, exchange, of, answer: answered.promise };
}

describe.each([
  { name: 'a broadcast on air', options: { open: true } },
  { name: 'a recording whose broadcast is over', options: {} },
])('of $name', ({ options }) => {
  test('segments are read from disk under their live URLs', async () => {
    const { kept, exchange, of, answer, broadcast } = await answering(options);
    expect(kept.media(exchange, { kind: 'segment', ...of, group: GROUP })).toBe(true);
    const track = broadcast.tracks.get(VIDEO);
    expect(await answer).toEqual(await track?.read(track.segments[0] as never));
  });

  test('init segments too', async () => {
    const { kept, exchange, of, answer, broadcast } = await answering(options);
    const config = broadcast.tracks.get(AUDIO)?.segments[0]?.config as ConfigId;
    expect(kept.media(exchange, { kind: 'init', ...of, track: AUDIO, config })).toBe(true);
    expect(await answer).toEqual(Buffer.from(broadcast.tracks.get(AUDIO)?.init(config) ?? []));
  });

  test('the rewind playlist is there, ended when the broadcast is over', async () => {
    const { kept, exchange, of, answer } = await answering(options);
    kept.rewind(exchange, { kind: 'rewind', stream: 'demo', of });
    expect((await answer).toString().includes('#EXT-X-ENDLIST')).toBe(!('open' in options));
  });
});

describe('nothing is given of', () => {
  const segment = (of: { readonly stream: string; readonly broadcast: typeof RECORDING; readonly track: typeof VIDEO }) => ({ kind: 'segment' as const, ...of, group: GROUP });

  test.each([{ open: true }, { open: false }])("another stream's URL (%o)", async (options) => {
    const { kept, exchange, of } = await answering(options);
    expect(kept.media(exchange, segment({ ...of, stream: 'another' }))).toBe(false);
  });

  test('a rewind window that is over', async () => {
    const { kept, exchange, of } = await answering({ isRecording: false });
    expect(kept.media(exchange, segment(of))).toBe(false);
  });

  test('a group that a finished recording lost', async () => {
    const { kept, exchange, of, answer, broadcast } = await answering();
    broadcast.tracks.get(VIDEO)?.lose(GROUP);
    expect(kept.media(exchange, segment(of))).toBe(true);
    expect(await answer).toBe('missing');
  });

  test('a disk that does not answer', async () => {
    const { kept, exchange, of, answer, archive } = await answering();
    archive.find = () => Promise.reject(new Error('EIO'));
    expect(kept.media(exchange, segment(of))).toBe(true);
    expect(await answer).toBe('archive/unreadable');
  });
});
