import { describe, expect, it } from 'vitest';

import { buildAvcC, parseAvcC } from '#core/media/codecs/h264/avcc.ts';
import { joinAnnexB, joinLengthPrefixed } from '#core/media/codecs/h264/nal-unit.ts';
import { wallTime } from '#core/media/time.ts';

import { concat } from './testing/client.ts';
import { RecordingRegistry, type RecordedPublisher } from './testing/harness.ts';
import { NAL, SETS_1080, SETS_360, aacFrame, aacHeader, avcFrame, avcHeader, enhancedAudio, enhancedVideo } from './testing/media.ts';
import { ToSource } from './to-source.ts';

function toSource(): { readonly adapter: ToSource; readonly got: RecordedPublisher; readonly refusals: string[]; readonly dropped: string[] } {
  const registry = new RecordingRegistry();
  const sink = registry.seat({ stream: 'demo', protocol: 'rtmp', address: '', clockRate: 1000, disconnect: () => undefined });
  const [got] = registry.publishers;
  if (got === undefined) {
    throw new Error('not admitted');
  }
  const refusals: string[] = [];
  const dropped: string[] = [];
  const adapter = new ToSource({ sink, clock: () => wallTime(5), refuse: (reason) => refusals.push(reason), dropped: (kind) => dropped.push(kind) });
  return { adapter, got, refusals, dropped };
}

describe('H.264 over RTMP', () => {
  it('becomes samples without parameter sets, delimiters and filler', () => {
    const { adapter, got } = toSource();
    adapter.video(0, avcHeader());
    adapter.video(10, avcFrame([NAL.aud, SETS_1080.sps, SETS_1080.pps, NAL.sei, NAL.idr, NAL.filler]));
    expect(got.samples[0]?.data.toHex()).toBe(joinLengthPrefixed([NAL.sei, NAL.idr]).toHex());
    expect(got.configs).toHaveLength(1);
  });

  it('has a key frame where an IDR picture is, whatever the frame type claims', () => {
    const { adapter, got } = toSource();
    adapter.video(0, avcHeader());
    adapter.video(0, avcFrame([NAL.idr], { claimKey: false }));
    adapter.video(33, avcFrame([NAL.slice], { claimKey: true }));
    adapter.video(66, avcFrame([NAL.sei, NAL.idr], { claimKey: false }));
    expect(got.samples.map(({ key }) => key)).toEqual([true, false, true]);
  });

  it.each([0, 83, -1, -40, 8_388_607, -8_388_608])('keeps a composition time of %i ms', (compositionTime) => {
    const { adapter, got } = toSource();
    adapter.video(0, avcHeader());
    adapter.video(0xffff_fff0, avcFrame([NAL.slice], { compositionTime }));
    expect(got.samples[0]).toMatchObject({ timestamp: 0xffff_fff0, compositionOffset: compositionTime, arrival: 5 });
  });

  it('passes an access unit on without a copy where nothing is taken out', () => {
    const { adapter, got } = toSource();
    adapter.video(0, avcHeader());
    const message = avcFrame([NAL.sei, NAL.idr]);
    adapter.video(0, message);
    expect(got.samples[0]?.data.buffer).toBe(message.buffer);
    expect(got.samples[0]?.data.toHex()).toBe(joinLengthPrefixed([NAL.sei, NAL.idr]).toHex());
  });

  it('becomes 4-byte lengths whatever lengths came', () => {
    const { adapter, got } = toSource();
    const header = avcHeader();
    header[5 + 4] = 0xfc | 1; // lengthSizeMinusOne of 1: two bytes
    adapter.video(0, header);
    adapter.video(0, concat(Uint8Array.of(0x17, 1, 0, 0, 0), Uint8Array.of(0, NAL.idr.length), NAL.idr));
    expect(got.samples[0]?.data.toHex()).toBe(joinLengthPrefixed([NAL.idr]).toHex());
    expect(parseAvcC((got.configs[0] as { description: Uint8Array }).description).lengthSize).toBe(4);
  });

  it('is configured by its sequence header, again only where that changes', () => {
    const { adapter, got } = toSource();
    adapter.video(0, avcHeader(SETS_1080));
    adapter.video(0, avcHeader(SETS_1080));
    adapter.video(0, avcHeader(SETS_360));
    adapter.video(0, avcFrame([NAL.idr]));
    expect(got.configs.map((config) => [config.codecString, config.kind === 'video' && `${config.width}x${config.height}`])).toEqual([
      ['avc1.64002a', '1920x1080'],
      ['avc1.42c01e', '640x360'],
    ]);
    expect(got.configs[1]?.description.toHex()).toBe(buildAvcC({ sps: [SETS_360.sps], pps: [SETS_360.pps] }).toHex());
  });

  it('is configured by parameter sets between the slices where no header comes or where they change', () => {
    const { adapter, got } = toSource();
    adapter.video(0, avcFrame([SETS_1080.sps, SETS_1080.pps, NAL.idr]));
    adapter.video(33, avcFrame([SETS_1080.sps, SETS_1080.pps, NAL.idr]));
    adapter.video(66, avcFrame([SETS_360.sps, SETS_360.pps]));
    adapter.video(66, avcFrame([NAL.idr]));
    expect(got.configs.map((config) => config.codecString)).toEqual(['avc1.64002a', 'avc1.42c01e']);
    expect(got.samples).toHaveLength(3);
  });

  it('that comes before any configuration is dropped, and said once', () => {
    const { adapter, got, dropped } = toSource();
    adapter.video(0, avcFrame([NAL.idr]));
    adapter.video(33, avcFrame([NAL.slice]));
    expect(got.samples).toEqual([]);
    expect(got.warnings.map(({ code }) => code)).toEqual(['rtmp/no-video-configuration']);
    expect(dropped).toEqual(['video', 'video']);
  });

  it('in Annex B is converted, and said once', () => {
    const { adapter, got } = toSource();
    for (let i = 0; i < 2; i += 1) {
      adapter.video(i, concat(Uint8Array.of(0x17, 1, 0, 0, 0), joinAnnexB([SETS_1080.sps, SETS_1080.pps, NAL.idr])));
    }
    expect(got.samples.map(({ data }) => data.toHex())).toEqual(Array(2).fill(joinLengthPrefixed([NAL.idr]).toHex()));
    expect(got.warnings.map(({ code }) => code)).toEqual(['rtmp/annex-b']);
  });

  it('in the enhanced form with FourCC avc1 is the same', () => {
    const { adapter, got } = toSource();
    adapter.video(0, enhancedVideo('avc1', 0, avcHeader().subarray(5)));
    adapter.video(0, enhancedVideo('avc1', 1, concat(Uint8Array.of(0xff, 0xff, 0xff), joinLengthPrefixed([NAL.idr]))));
    adapter.video(33, enhancedVideo('avc1', 3, joinLengthPrefixed([NAL.slice]), 2));
    expect(got.samples.map(({ key, compositionOffset }) => [key, compositionOffset])).toEqual([[true, -1], [false, 0]]);
  });
});

describe('AAC over RTMP', () => {
  it('becomes configuration and samples, HE-AAC included', () => {
    const { adapter, got } = toSource();
    adapter.audio(0, aacHeader());
    adapter.audio(0, aacHeader());
    adapter.audio(21, aacFrame());
    adapter.audio(42, aacHeader('2b118800'));
    expect(got.configs.map((config) => config.codecString)).toEqual(['mp4a.40.2', 'mp4a.40.5']);
    expect(got.samples).toEqual([{ kind: 'audio', timestamp: 21, compositionOffset: 0, key: true, data: Uint8Array.of(0x21, 0x10, 0x04), arrival: 5 }]);
  });

  it('in the enhanced form with FourCC mp4a is the same', () => {
    const { adapter, got } = toSource();
    adapter.audio(0, enhancedAudio('mp4a', 0, Uint8Array.of(0x11, 0x90)));
    adapter.audio(0, enhancedAudio('mp4a', 1, Uint8Array.of(0x21)));
    expect(got.samples).toHaveLength(1);
  });

  it('that comes before any configuration is dropped, and said once', () => {
    const { adapter, got } = toSource();
    adapter.audio(0, aacFrame());
    adapter.audio(21, aacFrame());
    expect(got.samples).toEqual([]);
    expect(got.warnings.map(({ code }) => code)).toEqual(['rtmp/no-audio-configuration']);
  });

  it('of a kind that nobody plays is refused', () => {
    const { adapter, refusals } = toSource();
    adapter.audio(0, aacHeader('f94640')); // xHE-AAC
    expect(refusals).toEqual([expect.stringContaining('AAC that is not taken')]);
  });
});

describe('media that cannot be read', () => {
  it('is dropped, said once, and what follows is taken', () => {
    const { adapter, got, refusals } = toSource();
    adapter.video(0, avcHeader());
    adapter.video(0, Uint8Array.of(0x17, 1, 0, 0, 0, 0, 0, 1, 0, 0x65));
    adapter.video(0, Uint8Array.of(0x17, 9, 0, 0, 0));
    adapter.video(0, concat(Uint8Array.of(0x17, 0, 0, 0, 0), Uint8Array.of(1, 100, 0)));
    adapter.video(0, avcFrame([NAL.idr]));
    expect(got.samples).toHaveLength(1);
    expect(got.warnings.map(({ code }) => code)).toEqual(['rtmp/malformed-video']);
    expect(refusals).toEqual([]);
  });

  it('ends the publisher where 300 messages in a row are of that kind', () => {
    const { adapter, refusals } = toSource();
    for (let i = 0; i < 299; i += 1) {
      adapter.audio(i, new Uint8Array());
    }
    expect(refusals).toEqual([]);
    adapter.audio(299, new Uint8Array());
    expect(refusals).toHaveLength(1);
  });

  it('ends the publisher where its configuration changes all the time', () => {
    const { adapter, got, refusals } = toSource();
    for (let i = 0; i < 64; i += 1) {
      adapter.video(i, avcHeader(i % 2 === 0 ? SETS_360 : SETS_1080));
    }
    expect(refusals).toEqual([]);
    adapter.video(64, avcHeader(SETS_360));
    expect(refusals).toEqual([expect.stringContaining('changes its settings')]);
    expect(got.configs).toHaveLength(64);
  });

  it('in a data message does no harm', () => {
    const { adapter, got } = toSource();
    adapter.data(Uint8Array.of(2, 0xff));
    expect(got.warnings.map(({ code }) => code)).toEqual(['rtmp/malformed-data']);
  });

  it('in parameter sets that grow to absurd length together is not kept', () => {
    const { adapter, got } = toSource();
    adapter.video(0, avcHeader());
    // Ids 7, 8, ... as Exp-Golomb codes of seven bits and more.
    const set = (id: number): Uint8Array => concat(Uint8Array.of(0x68, ((id + 1) << 1) | 1), new Uint8Array(4000).fill(0x55));
    for (let id = 7; id < 15; id += 1) {
      adapter.video(33 * id, avcFrame([set(id), NAL.idr]));
    }
    const longest = Math.max(...got.configs.map(({ description }) => description.length));
    expect(longest).toBeGreaterThan(4000);
    expect(longest).toBeLessThan(17_000);
    expect(got.warnings.map(({ code }) => code)).toEqual(['rtmp/malformed-video']);
    // A sequence header begins anew.
    adapter.video(999, avcHeader(SETS_360));
    expect(got.configs.at(-1)?.codecString).toBe('avc1.42c01e');
  });

  it('in parameter sets of absurd length is not kept', () => {
    const { adapter, got } = toSource();
    adapter.video(0, avcFrame([concat(SETS_1080.sps, new Uint8Array(5000)), NAL.idr]));
    expect(got.configs).toEqual([]);
    expect(got.warnings.map(({ code }) => code)).toEqual(['rtmp/malformed-video']);
  });
});
