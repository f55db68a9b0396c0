import { describe, expect, it } from 'vitest';

import { millis } from '#core/media/time.ts';

import { MESSAGE } from './protocol.ts';
import { chunks, command, concat, connectCommand, handshakeBytes, publishCommand, publishingBytes, setChunkSize } from './testing/client.ts';
import { GOOD_KEY, RecordingRegistry, audio, publishing, sessionHarness, settled, slowPolicy, video } from './testing/harness.ts';
import { NAL, avcFrame, avcHeader } from './testing/media.ts';

describe('messages that would end or fill a server built on node-media-server alone', () => {
  const connected = concat(handshakeBytes(), chunks(connectCommand()), chunks(command('createStream', 2, null)));

  it.each([
    ['a zero-length Set Chunk Size', chunks({ type: MESSAGE.setChunkSize, payload: new Uint8Array() })],
    ['a chunk size of zero', chunks(setChunkSize(0))],
    ['a chunk size with its highest bit set', chunks(setChunkSize(0x8000_0000))],
    ['a zero-length window acknowledgement size', chunks({ type: MESSAGE.windowAcknowledgementSize, payload: new Uint8Array() })],
    ['a command that is no AMF0', chunks({ type: MESSAGE.commandAmf0, payload: Uint8Array.of(0x7f, 1, 2) })],
    ['an empty command', chunks({ type: MESSAGE.commandAmf0, payload: new Uint8Array() })],
    ['an object without end', chunks({ type: MESSAGE.commandAmf0, payload: Uint8Array.fromHex('03000161') })],
  ])('%s closes its own connection only', (_name, bytes) => {
    const { session, wire, server } = sessionHarness();
    session.receive(concat(connected, bytes));
    expect(session.closed).toBe(true);
    expect(wire).toEqual(['ended']);
    expect(server.codes.at(-1)).toBe('NetStream.Failed');
  });

  it.each([
    ['an invalid tcUrl', connectCommand({ tcUrl: 'not a url' })],
    ['no tcUrl', connectCommand({ tcUrl: undefined })],
    ['a tcUrl that is no string', connectCommand({ tcUrl: 5 })],
  ])('%s does not matter', (_name, connect) => {
    const { session, server } = sessionHarness();
    session.receive(concat(handshakeBytes(), chunks(connect)));
    expect(server.codes).toEqual(['NetConnection.Connect.Success']);
    expect(session.closed).toBe(false);
  });

  it.each([
    ['without a name', command('publish', 5, null)],
    ['with null for a name', publishCommand(null)],
    ['with a number for a name', publishCommand(5)],
  ])('publish %s is answered', async (_name, publish) => {
    const { session, server } = sessionHarness();
    session.receive(concat(connected, chunks(publish)));
    await settled();
    expect(server.codes.at(-1)).toBe('NetStream.Publish.Denied');
  });

  it.each([
    ['an empty video message', video(new Uint8Array())],
    ['an empty audio message', audio(new Uint8Array())],
    ['a video message of one byte', video(Uint8Array.of(0x17))],
    ['an empty data message', chunks({ type: MESSAGE.dataAmf3, payload: new Uint8Array(), streamId: 1 })],
  ])('%s is dropped', async (_name, bytes) => {
    const { session, registry } = await publishing();
    session.receive(bytes);
    session.receive(concat(video(avcHeader()), video(avcFrame([NAL.idr]))));
    expect(session.publishing).toBe(true);
    expect(registry.publishers[0]?.samples).toHaveLength(1);
  });

  it('a flood of messages is read no faster than any encoder sends', async () => {
    const { session, registry, wire } = await publishing();
    session.receive(concat(video(avcHeader()), ...Array.from({ length: 5000 }, (_, i) => video(avcFrame([NAL.idr]), i))));
    const taken = (): number => registry.publishers[0]?.samples.length ?? 0;
    const atOnce = taken();
    expect(atOnce).toBeGreaterThan(1900);
    expect(atOnce).toBeLessThan(2000);
    expect(wire.at(-1)).toBe('held');
    session.tick(millis(500));
    expect(taken()).toBe(atOnce + 2000);
    expect(wire.at(-1)).toBe('held');
    session.tick(millis(500));
    expect(taken()).toBe(5000);
    expect(wire.at(-1)).toBe('resumed');
    expect(session.buffered).toBe(0);
  });

  it('a wish to publish at the end of a flood waits for its answer and for the next tick', async () => {
    const policy = slowPolicy();
    const { session, wire } = sessionHarness({ policy });
    const idle = chunks({ type: MESSAGE.acknowledgement, payload: Uint8Array.of(0, 0, 0, 1), chunkStreamId: 2 });
    session.receive(concat(connected, ...Array.from({ length: 1997 }, () => idle), chunks(publishCommand(GOOD_KEY)), idle));
    session.tick(millis(500));
    expect(wire.at(-1)).toBe('held');
    policy.decideNow({ allowed: true, stream: 'demo' });
    await settled();
    expect(session.publishing).toBe(true);
    expect(wire.at(-1)).toBe('resumed');
    expect(session.buffered).toBe(0);
  });

  it('media from a session that may not publish goes nowhere', async () => {
    const registry = new RecordingRegistry();
    const { session } = sessionHarness({ registry });
    session.receive(concat(connected, video(avcHeader()), video(avcFrame([NAL.idr]))));
    expect(registry.publishers).toEqual([]);
    expect(session.closed).toBe(false);
  });

  it('media after a refusal goes nowhere', async () => {
    const { session, registry } = sessionHarness();
    session.receive(publishingBytes('demo_wrongwrongwrongwrong'));
    await settled();
    session.receive(concat(video(avcHeader()), video(avcFrame([NAL.idr]))));
    expect(registry.publishers).toEqual([]);
  });

  it('media of another message stream goes nowhere', async () => {
    const { session, registry } = await publishing();
    session.receive(concat(video(avcHeader(), 0, 7), video(avcFrame([NAL.idr]), 0, 7)));
    expect(registry.publishers[0]?.configs).toEqual([]);
  });

  it('sixty chunk streams that announce big messages reserve nothing', () => {
    const { session } = sessionHarness();
    session.receive(connected);
    for (let id = 10; id < 70 && !session.closed; id += 1) {
      session.receive(chunks({ type: MESSAGE.video, payload: new Uint8Array(16_000_000), chunkStreamId: id }).subarray(0, 12 + 128));
      expect(session.buffered).toBeLessThanOrEqual(65_536);
    }
    expect(session.closed).toBe(true);
  });

  it('sixty chunk streams of a publisher stay within twice the largest message', async () => {
    const { session, registry } = await publishing({ config: { rtmpMaxChunkStreams: 100 } });
    for (let id = 10; id < 70 && !session.closed; id += 1) {
      session.receive(chunks({ type: MESSAGE.video, payload: new Uint8Array(1_000_000), chunkStreamId: id }).subarray(0, 12 + 128));
      expect(session.buffered).toBeLessThanOrEqual(2 * 8_388_608);
    }
    expect(session.closed).toBe(true);
    expect(registry.publishers[0]?.ended).toBe('lost');
  });

  it('commands before connect, an HTTP request and a wrong version close without an answer', () => {
    for (const bytes of [concat(handshakeBytes(), chunks(publishCommand(GOOD_KEY))), new TextEncoder().encode('GET / HTTP/1.1\r\n\r\n'), Uint8Array.of(6, 0, 0)]) {
      const { session, server, registry } = sessionHarness();
      session.receive(bytes);
      expect(session.closed).toBe(true);
      expect(server.replies).toEqual([]);
      expect(registry.publishers).toEqual([]);
    }
  });

  it('more message streams than anybody needs close the connection', () => {
    const { session } = sessionHarness();
    session.receive(connected);
    for (let i = 0; i < 20; i += 1) {
      session.receive(chunks(command('createStream', 9, null)));
    }
    expect(session.closed).toBe(true);
  });
});

describe('time-outs', () => {
  it('a connection without an accepted key is closed after rtmpHandshakeTimeout', () => {
    for (const before of [new Uint8Array(), handshakeBytes().subarray(0, 100), concat(handshakeBytes(), chunks(connectCommand()))]) {
      const { session } = sessionHarness();
      session.receive(before);
      session.tick(millis(10_000));
      expect(session.closed).toBe(false);
      session.tick(millis(1));
      expect(session.closed).toBe(true);
    }
  });

  it('an authorisation that never ends is closed too, and said', () => {
    const { session, server } = sessionHarness({ policy: slowPolicy() });
    session.receive(publishingBytes(GOOD_KEY));
    session.tick(millis(10_001));
    expect(server.description('NetStream.Publish.Rejected')).toBe('No stream key was accepted within 10 seconds.');
  });

  it('a publisher is closed after rtmpIdleTimeout without a byte, and any byte counts', async () => {
    const { session, registry } = await publishing();
    session.tick(millis(29_000));
    session.receive(video(avcHeader()));
    session.tick(millis(29_000));
    expect(session.closed).toBe(false);
    session.tick(millis(1001));
    expect(session.closed).toBe(true);
    expect(registry.publishers[0]?.ended).toBe('lost');
  });
});
