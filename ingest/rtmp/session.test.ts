import { describe, expect, it } from 'vitest';

import { encodeAmf0, encodeEcmaArray } from '#core/media/containers/flv/amf0.ts';

import { MESSAGE } from './protocol.ts';
import { bigEndian, chunks, command, concat, connectCommand, handshakeBytes, publishCommand, publishingBytes } from './testing/client.ts';
import { GOOD_KEY, RecordingRegistry, audio, publishing, sessionHarness, settled, slowPolicy, video } from './testing/harness.ts';
import { NAL, aacFrame, aacHeader, avcFrame, avcHeader, enhancedAudio, enhancedVideo } from './testing/media.ts';

describe('a publisher with the right key', () => {
  it('is answered in the order that OBS and ffmpeg wait for', async () => {
    const { server, registry, wire } = await publishing();
    expect(server.replies.map(({ name, transaction }) => [name, transaction])).toEqual([
      ['_result', 1],
      ['_result', 2],
      ['_result', 3],
      ['_result', 4],
      ['onStatus', 0],
    ]);
    expect(server.replies[3]?.args).toEqual([null, 1]);
    expect(server.codes).toEqual(['NetConnection.Connect.Success', 'NetStream.Publish.Start']);
    expect(server.replies[4]?.streamId).toBe(1);
    expect(registry.publishers[0]?.publisher).toMatchObject({ stream: 'demo', protocol: 'rtmp', address: '192.0.2.1', clockRate: 1000 });
    expect(wire).toEqual(['held', 'resumed']);
  });

  it('is told in the connect reply what is taken, in the words of Enhanced RTMP v2', async () => {
    const { server } = await publishing();
    for (const object of server.replies[0]?.args ?? []) {
      expect(object).toMatchObject({ fourCcList: ['avc1', 'mp4a'], capsEx: 0, videoFourCcInfoMap: { avc1: 5 } });
    }
  });

  it('pours its media into the sink, whatever pieces the bytes come in', async () => {
    const { session, registry } = await publishing();
    const bytes = concat(video(avcHeader()), audio(aacHeader()), video(avcFrame([NAL.idr], { claimKey: true, compositionTime: 40 }), 1000), audio(aacFrame(), 1003));
    for (const byte of bytes) {
      session.receive(Uint8Array.of(byte));
    }
    const [publisher] = registry.publishers;
    expect(publisher?.configs.map((config) => config.codecString)).toEqual(['avc1.64002a', 'mp4a.40.2']);
    expect(publisher?.samples).toEqual([
      { kind: 'video', timestamp: 1000, compositionOffset: 40, key: true, data: concat(Uint8Array.of(0, 0, 0, 5), NAL.idr), arrival: 1_700_000_000_000 },
      { kind: 'audio', timestamp: 1003, compositionOffset: 0, key: true, data: Uint8Array.of(0x21, 0x10, 0x04), arrival: 1_700_000_000_000 },
    ]);
  });

  it('says what it is in onMetaData', async () => {
    const { session, registry } = await publishing();
    const payload = concat(encodeAmf0('@setDataFrame', 'onMetaData'), encodeEcmaArray({ encoder: 'OBS', framerate: 30, videocodecid: 7 }));
    session.receive(chunks({ type: MESSAGE.dataAmf0, payload, streamId: 1 }));
    session.receive(chunks({ type: MESSAGE.dataAmf3, payload: concat(Uint8Array.of(0), payload), streamId: 1 }));
    const claims = { encoder: 'OBS', frameRate: 30, hasVideo: true, hasAudio: false };
    expect(registry.publishers[0]?.claims).toEqual([claims, claims]);
  });

  it('says what belongs to this moment in onTextData and onCuePoint', async () => {
    const { session, registry } = await publishing();
    const text = encodeAmf0('onTextData', { text: 'hello' });
    session.receive(chunks({ type: MESSAGE.dataAmf0, payload: text, streamId: 1 }));
    session.receive(chunks({ type: MESSAGE.dataAmf3, payload: concat(Uint8Array.of(0), encodeAmf0('onCuePoint', { name: 'quiz' })), streamId: 1 }));
    session.receive(chunks({ type: MESSAGE.dataAmf0, payload: encodeAmf0('onFi', { sd: '1' }), streamId: 1 }));
    expect(registry.publishers[0]?.messages).toEqual([
      { type: 'rtmp.ontextdata', data: '{"text":"hello"}' },
      { type: 'rtmp.oncuepoint', data: '{"name":"quiz"}' },
    ]);
    expect(registry.publishers[0]?.claims).toEqual([]);
  });

  it.each([
    ['deleteStream', command('deleteStream', 7, null, 1)],
    ['FCUnpublish', command('FCUnpublish', 6, null, GOOD_KEY)],
    ['closeStream', { ...command('closeStream', 0, null), streamId: 1 }],
  ])('ends as unpublished by %s', async (_name, message) => {
    const { session, registry, server } = await publishing();
    session.receive(chunks(message));
    expect(registry.publishers[0]?.ended).toBe('unpublished');
    expect(server.codes.at(-1)).toBe('NetStream.Unpublish.Success');
    expect(session.closed).toBe(false);
  });

  it('may publish again on the same connection', async () => {
    const { session, registry } = await publishing();
    session.receive(concat(chunks(command('deleteStream', 7, null, 1)), chunks(command('createStream', 8, null)), chunks(publishCommand(GOOD_KEY, 2))));
    await settled();
    session.receive(concat(video(avcHeader(), 0, 2), video(avcFrame([NAL.idr]), 0, 2)));
    expect(registry.publishers.map(({ ended }) => ended)).toEqual(['unpublished', undefined]);
    expect(registry.publishers[1]?.samples).toHaveLength(1);
  });

  it('ends as lost where the connection breaks', async () => {
    const { session, registry } = await publishing();
    session.close();
    session.close();
    expect(registry.publishers[0]?.ended).toBe('lost');
  });

  it('is heard while a long message is on its way', async () => {
    const { session, registry } = await publishing();
    const before = registry.publishers[0]?.heard ?? NaN;
    const message = video(avcFrame([new Uint8Array(10_000).fill(0x41)]));
    session.receive(message.subarray(0, 5000));
    expect([registry.publishers[0]?.heard, registry.publishers[0]?.samples]).toEqual([before + 1, []]);
  });

  it('is told why when the registry ends it', async () => {
    const { session, registry, server, wire } = await publishing();
    registry.publishers[0]?.publisher.disconnect('Another encoder has taken over.');
    expect(server.description('NetStream.Failed')).toBe('Another encoder has taken over.');
    expect(wire.at(-1)).toBe('ended');
    session.receive(video(avcHeader()));
    expect(registry.publishers[0]?.configs).toEqual([]);
  });

  it('cannot publish a second time beside the first', async () => {
    const { session, server, registry } = await publishing();
    session.receive(chunks(publishCommand(GOOD_KEY, 2)));
    await settled();
    expect(server.codes.at(-1)).toBe('NetStream.Publish.BadName');
    expect(registry.publishers).toHaveLength(1);
    expect(session.publishing).toBe(true);
  });

  it('is acknowledged once per window (RTMP 1.0, 5.4.3)', async () => {
    const { session, server } = await publishing();
    const acknowledgements = (): number => server.messages.filter(({ type }) => type === MESSAGE.acknowledgement).length;
    session.receive(chunks({ type: MESSAGE.windowAcknowledgementSize, payload: Uint8Array.from(bigEndian(100_000, 4)), chunkStreamId: 2 }));
    const before = acknowledgements();
    for (let i = 0; i < 25; i += 1) {
      session.receive(video(avcFrame([new Uint8Array(10_000).fill(0x41)])));
    }
    expect(acknowledgements() - before).toBe(2);
  });

  it('cannot make an acknowledgement flow for every packet by a window of one byte', async () => {
    const { session, server } = await publishing();
    session.receive(chunks({ type: MESSAGE.windowAcknowledgementSize, payload: Uint8Array.from(bigEndian(1, 4)), chunkStreamId: 2 }));
    for (let i = 0; i < 100; i += 1) {
      session.receive(video(avcFrame([NAL.slice])));
    }
    expect(server.messages.filter(({ type }) => type === MESSAGE.acknowledgement)).toEqual([]);
  });

  it('gets its pings back (RTMP 1.0, 7.1.7)', async () => {
    const { session, server } = await publishing();
    session.receive(chunks({ type: MESSAGE.userControl, payload: Uint8Array.of(0, 6, 1, 2, 3, 4), chunkStreamId: 2 }));
    expect(server.messages.at(-1)).toMatchObject({ type: MESSAGE.userControl, payload: Uint8Array.of(0, 7, 1, 2, 3, 4) });
  });

  it('may send its commands as AMF3 messages and a query behind its key', async () => {
    const { session, registry } = sessionHarness();
    const amf3 = (message: { payload: Uint8Array }): object => ({ type: MESSAGE.commandAmf3, payload: concat(Uint8Array.of(0), message.payload) });
    session.receive(handshakeBytes());
    for (const one of [connectCommand({ app: 'live/' }), command('createStream', 2, null), publishCommand(`${GOOD_KEY}?token=1`)]) {
      session.receive(chunks({ ...one, ...amf3(one) }));
    }
    await settled();
    expect(registry.publishers).toHaveLength(1);
  });
});

describe('the authorisation', () => {
  it('comes before NetStream.Publish.Start, and media sent meanwhile is kept in order', async () => {
    const policy = slowPolicy();
    const { session, server, registry, wire } = sessionHarness({ policy });
    session.receive(concat(publishingBytes(GOOD_KEY), video(avcHeader()), video(avcFrame([NAL.idr]), 5)));
    session.receive(video(avcFrame([NAL.slice]), 38));
    await settled();
    expect(server.codes).toEqual(['NetConnection.Connect.Success']);
    expect(registry.publishers).toEqual([]);
    expect(wire).toEqual(['held']);

    policy.decideNow({ allowed: true, stream: 'demo' });
    await settled();
    expect(server.codes.at(-1)).toBe('NetStream.Publish.Start');
    expect(registry.publishers[0]?.samples.map(({ timestamp }) => timestamp)).toEqual([5, 38]);
    expect(session.buffered).toBe(0);
    expect(wire).toEqual(['held', 'resumed']);
  });

  it('is asked for anew where what waited unpublishes and publishes again', async () => {
    const { session, registry, wire } = sessionHarness();
    session.receive(concat(publishingBytes(GOOD_KEY), chunks(command('deleteStream', 7, null, 1)), chunks(publishCommand(GOOD_KEY)), video(avcHeader())));
    await settled();
    expect(wire).toEqual(['held', 'held', 'held', 'resumed']);
    expect(registry.publishers.map(({ ended, configs }) => [ended, configs.length])).toEqual([['unpublished', 0], [undefined, 1]]);
  });

  it('does not stand in the way of a picture that is bigger than what may wait', async () => {
    const policy = slowPolicy();
    const { session, registry } = sessionHarness({ policy, config: { rtmpMaxUnauthorisedBytes: 20_000 } });
    const picture = video(avcFrame([NAL.idr, new Uint8Array(50_000).fill(0x41)]));
    session.receive(concat(publishingBytes(GOOD_KEY), video(avcHeader()), picture.subarray(0, 5000)));
    policy.decideNow({ allowed: true, stream: 'demo' });
    await settled();
    session.receive(picture.subarray(5000));
    expect(registry.publishers[0]?.samples).toHaveLength(1);
  });

  it('never begins a publication whose connection has gone', async () => {
    const policy = slowPolicy();
    const { session, registry } = sessionHarness({ policy });
    session.receive(publishingBytes(GOOD_KEY));
    session.close();
    policy.decideNow({ allowed: true, stream: 'demo' });
    await settled();
    expect(registry.publishers).toEqual([]);
  });

  it('that fails is told as such, without its cause', async () => {
    const policy = slowPolicy();
    const { session, server, lines } = sessionHarness({ policy });
    session.receive(publishingBytes(GOOD_KEY));
    policy.fail(new Error('database gone'));
    await settled();
    expect(server.codes.at(-1)).toBe('NetStream.Failed');
    expect(server.description('NetStream.Failed')).not.toContain('database');
    expect(lines.join('')).toContain('database gone');
    expect(session.closed).toBe(true);
  });

  it('bounds what is sent before it in bytes', async () => {
    const { session, registry } = sessionHarness({ policy: slowPolicy(), config: { rtmpMaxUnauthorisedBytes: 20_000 } });
    session.receive(publishingBytes(GOOD_KEY));
    for (let i = 0; i < 100 && !session.closed; i += 1) {
      session.receive(video(new Uint8Array(1000)));
      expect(session.buffered).toBeLessThan(20_000);
    }
    expect(session.closed).toBe(true);
    expect(session.buffered).toBe(0);
    expect(registry.publishers).toEqual([]);
  });

  it('is answered first where what follows in the same bytes cannot be read', async () => {
    const { session, server } = sessionHarness();
    session.receive(concat(publishingBytes('demo_wrongwrongwrongwrong'), new Uint8Array(5000).fill(0xff)));
    await settled();
    expect(server.codes).toEqual(['NetConnection.Connect.Success', 'NetStream.Publish.Denied']);
  });
});

describe('a publisher whose place is asked for elsewhere', () => {
  it('sends no media meanwhile, and goes on when the answer is there', async () => {
    const registry = new RecordingRegistry();
    const decided = Promise.withResolvers<void>();
    registry.deciding = decided.promise;
    const { session, server, wire } = sessionHarness({ registry });
    session.receive(publishingBytes(GOOD_KEY));
    await settled();
    expect(wire).toEqual(['held']);
    expect(server.codes).not.toContain('NetStream.Publish.Start');
    decided.resolve();
    await settled();
    expect(session.publishing).toBe(true);
    expect(wire).toEqual(['held', 'resumed']);
  });

  it('is not brought on where it has left meanwhile', async () => {
    const registry = new RecordingRegistry();
    const decided = Promise.withResolvers<void>();
    registry.deciding = decided.promise;
    const { session } = sessionHarness({ registry });
    session.receive(publishingBytes(GOOD_KEY));
    await settled();
    session.close();
    decided.resolve();
    await settled();
    expect(registry.signal?.aborted).toBe(true);
    expect(registry.publishers.map(({ ended }) => ended)).toEqual(['lost']);
  });

  it.each([
    ['in the server\'s address', { app: 'live?backup=1', tcUrl: 'rtmp://localhost/live?backup=1' }, GOOD_KEY, true],
    ['after its key', {}, `${GOOD_KEY}?backup=1`, true],
    ['nowhere', {}, GOOD_KEY, false],
  ])('says %s that it is a backup', async (_where, app, key, backup) => {
    const { session, registry } = sessionHarness();
    session.receive(concat(handshakeBytes(), ...[connectCommand(app), command('createStream', 2, null), publishCommand(key)].map((one) => chunks(one))));
    await settled();
    expect(registry.publishers[0]?.publisher).toMatchObject({ stream: 'demo', backup });
  });
});

describe('who is turned away is told why, in a status that OBS and ffmpeg show', () => {
  it('a wrong key', async () => {
    const { session, server, registry, wire } = sessionHarness();
    session.receive(publishingBytes('demo_wrongwrongwrongwrong'));
    await settled();
    expect(server.replies.at(-1)).toMatchObject({ name: 'onStatus', streamId: 1 });
    expect(server.description('NetStream.Publish.Denied')).toBe('This stream key is not known. Check it.');
    expect(server.codes).not.toContain('NetStream.Publish.Start');
    expect(wire).toEqual(['held', 'ended']);
    expect(registry.publishers).toEqual([]);
  });

  it.each([
    ['ingest/stream-busy', 'NetStream.Publish.BadName'],
    ['ingest/too-many-publishers', 'NetStream.Publish.Rejected'],
    ['ingest/stopping', 'NetStream.Failed'],
    ['ingest/backup-busy', 'NetStream.Publish.BadName'],
    ['ingest/unreachable', 'NetStream.Failed'],
  ] as const)('%s', async (code, status) => {
    const registry = new RecordingRegistry();
    registry.refusal = { admitted: false, code, message: 'Somebody else is live.' };
    const { session, server } = sessionHarness({ registry });
    session.receive(publishingBytes(GOOD_KEY));
    await settled();
    expect(server.description(status)).toBe('Somebody else is live.');
    expect(session.closed).toBe(true);
  });

  it.each([
    ['no key', '', 'NetStream.Publish.Denied'],
    ['a key of a thousand letters', 'x'.repeat(1000), 'NetStream.Publish.Denied'],
    ['nothing but a query', '?a=b', 'NetStream.Publish.Denied'],
  ])('%s', async (_name, key, status) => {
    const { session, server } = sessionHarness();
    session.receive(publishingBytes(key));
    await settled();
    expect(server.codes.at(-1)).toBe(status);
  });

  it.each([
    ['another app', 'vod', /rtmp:\/\/HOST\/live/],
    ['the key in the address', `live/${GOOD_KEY}`, /field for the stream key/],
    ['no app', null, /rtmp:\/\/HOST\/live/],
  ])('%s', (_name, app, words) => {
    const { session, server } = sessionHarness();
    session.receive(concat(handshakeBytes(), chunks(connectCommand({ app }))));
    expect(server.replies.map(({ name }) => name)).toEqual(['_error', 'onStatus']);
    expect(server.description('NetConnection.Connect.InvalidApp')).toMatch(words);
    expect(session.closed).toBe(true);
  });

  it('a player', () => {
    const { session, server } = sessionHarness();
    session.receive(concat(handshakeBytes(), chunks(connectCommand()), chunks(command('createStream', 2, null)), chunks({ ...command('play', 3, null, 'demo'), streamId: 1 })));
    expect(server.codes.at(-1)).toBe('NetStream.Play.Failed');
    expect(session.closed).toBe(true);
  });

  it.each([
    ['HEVC', video(enhancedVideo('hvc1', 0, Uint8Array.of(1))), 'HEVC'],
    ['AV1', video(enhancedVideo('av01', 0, Uint8Array.of(1))), 'AV1'],
    ['VP9', video(enhancedVideo('vp09', 0, Uint8Array.of(1))), 'VP9'],
    ['multitrack video', video(Uint8Array.of(0x96, 0, 0x61, 0x76, 0x63, 0x31, 0)), 'multitrack'],
    ['ModEx', video(Uint8Array.of(0x97, 2, 0, 0, 0, 1)), 'ModEx'],
    ['Opus', audio(enhancedAudio('Opus', 0, Uint8Array.of(1))), 'Opus'],
    ['MP3', audio(Uint8Array.of(0x2f, 0xff, 0xfb)), 'MP3'],
    ['multitrack audio', audio(Uint8Array.of(0x95, 0, 0x6d, 0x70, 0x34, 0x61, 0)), 'multitrack'],
  ])('%s', async (_name, bytes, word) => {
    const { session, server, registry, metrics } = await publishing();
    session.receive(bytes);
    expect(server.description('NetStream.Publish.Rejected')).toContain(word);
    expect(registry.publishers[0]?.warnings).toEqual([{ code: 'rtmp/unsupported-track', message: expect.stringContaining(word) }]);
    expect(registry.publishers[0]?.ended).toBe('lost');
    expect(await metrics.getSingleMetricAsString('millrace_rtmp_refused_total')).toContain('reason="unsupported"} 1');
  });
});

describe('log and metrics', () => {
  it('never contain the key', async () => {
    const { session, lines, metrics } = await publishing();
    session.receive(chunks(command('somethingElse', 9, GOOD_KEY)));
    session.close();
    const wrong = sessionHarness();
    wrong.session.receive(publishingBytes('demo_wrongwrongwrongwrong'));
    const misplaced = sessionHarness();
    misplaced.session.receive(concat(handshakeBytes(), chunks(connectCommand({ app: `live/${GOOD_KEY}` }))));
    await settled();
    const text = [...lines, ...wrong.lines, ...misplaced.lines, await metrics.metrics()].join('\n');
    expect(text).toContain('RTMP publisher accepted');
    expect(text).not.toMatch(/abcdefghijklmnop|wrongwrong/);
  });

  it('count bytes and refusals by reason', async () => {
    const { session, metrics } = sessionHarness();
    session.receive(publishingBytes('demo_wrongwrongwrongwrong'));
    await settled();
    const text = await metrics.metrics();
    expect(text).toContain('millrace_rtmp_refused_total{reason="key"} 1');
    expect(text).toMatch(/millrace_rtmp_received_bytes_total\{protocol="rtmp"\} [1-9]/);
  });
});
