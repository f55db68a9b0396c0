import { describe, expect, it } from 'vitest';

import { NOT_RECEIVED } from '../../media/rtp/rtcp/packets.ts';
import { compound, writeBye, writeSenderReport } from '../../media/rtp/rtcp/write.ts';
import { millis } from '../../media/time.ts';
import { Harness } from './testing/harness.ts';
import { IDS, planOf, SimulatedStream } from './testing/simulated-publisher.ts';

const FRAME = 1000 / 30;

describe('packets in order', () => {
  it('become access units in the turn in which the last packet comes, with nothing sent but feedback', () => {
    const harness = new Harness(planOf());
    const video = new SimulatedStream({ ssrc: 1, mid: 'v' });
    const audio = new SimulatedStream({ ssrc: 9, mid: 'a', timestamp: 77 });
    for (let n = 0; n < 30; n += 1) {
      harness.receive(...video.video({ key: n === 0, bytes: 3500, fill: n }), audio.audio());
      expect(harness.units).toHaveLength(2 * (n + 1));
      expect(harness.units.at(-2)?.at).toBe(harness.now);
      harness.pass(FRAME);
    }
    expect(harness.units[0]).toMatchObject({ key: { mid: 'v', rid: undefined }, unit: { key: true, timestamp: 5000, clockRate: 90_000, config: { codec: 'vp8', width: 640, height: 360 } } });
    expect(harness.units[1]).toMatchObject({ key: { mid: 'a' }, unit: { key: true, timestamp: 77, clockRate: 48_000, duration: 960, config: { codec: 'opus' } } });
    expect(harness.ofKind('nack')).toEqual([]);
    expect(harness.ofKind('pli')).toEqual([]);
    expect(harness.receiver.statistics).toMatchObject({ packets: 150, lost: 0, recovered: 0, givenUp: 0, unusable: 0 });
  });

  it('are followed through the wrap of sequence numbers and timestamps', () => {
    const harness = new Harness(planOf());
    const video = new SimulatedStream({ ssrc: 1, mid: 'v', sequence: 65_530, timestamp: 2 ** 32 - 4000 });
    for (let n = 0; n < 10; n += 1) {
      harness.receive(...video.video({ key: n === 0, bytes: 1800 })).pass(FRAME);
    }
    expect(harness.units.map(({ unit }) => unit.timestamp - (harness.units[0]?.unit.timestamp ?? 0))).toEqual(Array.from({ length: 10 }, (_, n) => n * 3000));
    expect(harness.receiver.statistics).toMatchObject({ lost: 0, givenUp: 0 });
  });
});

describe('packets out of order', () => {
  it('are put in order, and a packet overtaken by a few milliseconds is not asked for', () => {
    const harness = new Harness(planOf());
    const video = new SimulatedStream({ ssrc: 1, mid: 'v' });
    harness.receive(...video.video({ key: true, bytes: 900 }));
    const [a, b, c] = video.video({ key: false, bytes: 2500, fill: 5 });
    harness.receive(a!, c!).pass(4);
    expect(harness.units).toHaveLength(1);
    harness.receive(b!).pass(100);
    expect(harness.units).toHaveLength(2);
    expect(harness.units[1]?.unit.data).toHaveLength(2500);
    expect(harness.ofKind('nack')).toEqual([]);
    expect(harness.receiver.held).toEqual({ packets: 0, bytes: 0 });
  });

  it('that come twice count once', () => {
    const harness = new Harness(planOf());
    const video = new SimulatedStream({ ssrc: 1, mid: 'v' });
    for (let n = 0; n < 5; n += 1) {
      const packets = video.video({ key: n === 0, bytes: 2500 });
      harness.receive(...packets, ...packets, packets[0]!).pass(FRAME);
    }
    expect(harness.units).toHaveLength(5);
    expect(harness.ofKind('nack')).toEqual([]);
  });
});

describe('lost packets', () => {
  /** Two frames of three packets, the second without its middle packet, then others. */
  function withHole(options: { rtt?: number } = {}): { harness: Harness; video: SimulatedStream; lost: number } {
    const harness = new Harness(planOf(), options);
    const video = new SimulatedStream({ ssrc: 1, mid: 'v' });
    harness.receive(...video.video({ key: true, bytes: 2500 })).pass(FRAME);
    const lost = video.sequence + 1;
    const [a, , c] = video.video({ key: false, bytes: 2500 });
    harness.receive(a!, c!);
    return { harness, video, lost };
  }

  it('are asked for after 8 ms, and what waited goes out the moment the repair comes (RFC 4588)', () => {
    const { harness, video, lost } = withHole();
    harness.pass(8);
    expect(harness.ofKind('nack')).toMatchObject([{ senderSsrc: 4242, mediaSsrc: 1, sequenceNumbers: [lost] }]);
    harness.pass(12).receive(...video.video({ key: false, bytes: 900 })).pass(10);
    expect(harness.units).toHaveLength(1);
    harness.receive(video.rtx(lost));
    expect(harness.units).toHaveLength(3);
    expect(harness.units[1]?.unit.data).toHaveLength(2500);
    // The time from the first NACK to its answer is the round trip.
    expect(harness.receiver.statistics).toMatchObject({ recovered: 1, givenUp: 0, rtt: 22 });
  });

  it('are asked for at once where three packets have overtaken them', () => {
    const { harness, video, lost } = withHole();
    harness.receive(...video.video({ key: false, bytes: 2500 }));
    expect(harness.ofKind('nack')).toMatchObject([{ sequenceNumbers: [lost] }]);
  });

  it('may come again on the stream itself, from publishers without RTX', () => {
    const harness = new Harness(planOf());
    const video = new SimulatedStream({ ssrc: 1, mid: 'v' });
    const packets = [...video.video({ key: true, bytes: 900 }), ...video.video({ key: false, bytes: 1900 })];
    harness.receive(packets[0]!, packets[2]!).pass(20).receive(packets[1]!);
    expect(harness.units).toHaveLength(2);
    expect(harness.receiver.statistics.recovered).toBe(1);
  });

  it('are still taken where a stall of the process kept them in the socket: packets give nothing up, time does', () => {
    const { harness, video, lost } = withHole({ rtt: 5 });
    harness.pass(10);
    const after = video.video({ key: false, bytes: 900 });
    harness.now = millis(harness.now + 400);
    harness.receive(...after, video.rtx(lost)).pass(1);
    expect(harness.units).toHaveLength(3);
    expect(harness.receiver.statistics).toMatchObject({ recovered: 1, givenUp: 0 });
  });

  it('are asked for again once per round trip, and given up after a quarter of a second', () => {
    const { harness, lost } = withHole({ rtt: 60 });
    harness.pass(1000);
    const asked = harness.sent.filter(({ packet }) => packet.kind === 'nack').map(({ at }) => Math.round(at - 1000 - FRAME));
    expect(asked).toEqual([8, 80, 152, 224]);
    expect(harness.receiver.statistics).toMatchObject({ givenUp: 1, recovered: 0 });
    expect(harness.ofKind('nack').every(({ sequenceNumbers }) => sequenceNumbers[0] === lost)).toBe(true);
    expect(harness.receiver.held.packets).toBe(0);
  });

  it.each([
    ['a round trip of 5 ms', 5, 120],
    ['one of 30 ms', 30, 166],
    ['one of 400 ms', 400, 250],
  ])('hold later frames back for a bounded time: %s', (_what, rtt, wait) => {
    const { harness, video } = withHole({ rtt });
    harness.receive(...video.video({ key: false, bytes: 900 }));
    harness.pass(wait - 1);
    expect(harness.units).toHaveLength(1);
    harness.pass(1);
    // The damaged frame is gone, the next one is not held any longer: this publisher has never answered a request.
    expect(harness.units).toHaveLength(2);
    expect(harness.ofKind('pli')).toHaveLength(1);
  });

  it('of a publisher that answers requests: pictures without their references are kept back until its key frame', () => {
    const harness = new Harness(planOf(), { rtt: 5 });
    const video = new SimulatedStream({ ssrc: 1, mid: 'v' });
    harness.receive(...video.video({ key: true, bytes: 900 })).pass(1);
    // 2.2 s later a key frame is asked for, and comes.
    for (let n = 0; n < 67; n += 1) {
      harness.receive(...video.video({ key: false, bytes: 900 })).pass(FRAME);
    }
    expect(harness.ofKind('pli')).toHaveLength(1);
    harness.receive(...video.video({ key: true, bytes: 900 })).pass(FRAME);
    video.video({ key: false, bytes: 900 });
    const before = harness.units.length;
    for (let n = 0; n < 7; n += 1) {
      harness.receive(...video.video({ key: false, bytes: 900 })).pass(FRAME);
    }
    expect(harness.units).toHaveLength(before);
    expect(harness.ofKind('pli')).toHaveLength(2);
    harness.receive(...video.video({ key: true, bytes: 900 }));
    expect(harness.units).toHaveLength(before + 1);
  });

  it('of sound hold nothing back for longer than reordering takes, and are not asked for without NACK', () => {
    const harness = new Harness(planOf());
    const audio = new SimulatedStream({ ssrc: 9, mid: 'a' });
    const packets = Array.from({ length: 4 }, () => audio.audio());
    harness.receive(packets[0]!, packets[2]!).pass(20).receive(packets[3]!);
    expect(harness.units).toHaveLength(1);
    harness.pass(10);
    expect(harness.units).toHaveLength(3);
    harness.receive(packets[1]!);
    expect(harness.units).toHaveLength(3);
    expect(harness.ofKind('nack')).toEqual([]);
  });

  it('are repaired through 10 percent loss both of packets and of repairs, without a frame missing', () => {
    const harness = new Harness(planOf(), { rtt: 20 });
    const video = new SimulatedStream({ ssrc: 1, mid: 'v' });
    let dice = 12345;
    const drops = (): boolean => (dice = (dice * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31 < 0.1;
    const repairs: { readonly at: number; readonly sequence: number }[] = [];
    harness.onNack = ({ sequenceNumbers }) => repairs.push(...sequenceNumbers.map((sequence) => ({ at: harness.now + 20, sequence })));
    const settle = (until: number): void => {
      for (repairs.sort((a, b) => a.at - b.at); repairs[0] && repairs[0].at <= until; repairs.sort((a, b) => a.at - b.at)) {
        const { at, sequence } = repairs.shift()!;
        harness.pass(Math.max(0, at - harness.now));
        if (!drops()) {
          harness.receive(video.rtx(sequence));
        }
      }
      harness.pass(until - harness.now);
    };
    for (let n = 0; n < 300; n += 1) {
      harness.receive(...video.video({ key: n % 60 === 0, bytes: 4500 }).filter((_, at) => n === 0 || at === 0 || !drops()));
      settle(harness.now + FRAME);
    }
    settle(harness.now + 500);
    expect(harness.units).toHaveLength(300);
    expect(harness.receiver.statistics.givenUp).toBe(0);
    expect(harness.receiver.statistics.recovered).toBeGreaterThan(80);
  });
});

describe('a sequence that breaks off', () => {
  it('is taken up where two packets in a row agree on another place; one alone is a stray', () => {
    const harness = new Harness(planOf());
    const video = new SimulatedStream({ ssrc: 1, mid: 'v' });
    harness.receive(...video.video({ key: true, bytes: 900 }));
    const stray = new SimulatedStream({ ssrc: 1, mid: 'v', sequence: 40_000 });
    harness.receive(...stray.video({ key: false, bytes: 900 }), ...video.video({ key: false, bytes: 900 }));
    expect(harness.units).toHaveLength(2);
    for (let n = 0; n < 3; n += 1) {
      harness.receive(...stray.video({ key: n === 1, bytes: 900 }));
    }
    // The first of the new place is the price of being sure.
    expect(harness.units).toHaveLength(4);
    expect(harness.receiver.statistics.givenUp).toBe(0);
  });

  it('leaves nothing behind: ten thousand jumps hold no packet and no memory of holes', () => {
    const harness = new Harness(planOf());
    const video = new SimulatedStream({ ssrc: 1, mid: 'v' });
    for (let n = 0; n < 10_000; n += 1) {
      video.sequence += 700 + (n % 7) * 500;
      harness.receive(...video.video({ key: false, bytes: 900 }));
    }
    expect(harness.receiver.held.packets).toBeLessThanOrEqual(2048);
    harness.pass(1000);
    expect(harness.receiver.held).toEqual({ packets: 0, bytes: 0 });
  });
});

describe('feedback', () => {
  it('tells arrivals by transport-wide numbers every 50 ms, with what was lost in between', () => {
    const harness = new Harness(planOf());
    const counter = { next: 65_534 };
    const video = new SimulatedStream({ ssrc: 1, mid: 'v', counter });
    const packets = [...video.video({ key: true, bytes: 2500 }), ...video.video({ key: false, bytes: 2500 })];
    harness.receive(packets[0]!, packets[1]!).pass(10).receive(packets[3]!).pass(39);
    expect(harness.ofKind('transport-cc')).toEqual([]);
    harness.pass(1).receive(packets[5]!).pass(50);
    const [first, second] = harness.ofKind('transport-cc');
    const told = (feedback: typeof first): number[] => [...(feedback?.arrivals ?? [])];
    expect(first).toMatchObject({ baseSequence: 65_534, feedbackCount: 0 });
    // 1,000 ms lie 40 ms behind the 16th unit of 64 ms... in ticks of 250 microseconds.
    expect(told(first).map((tick) => tick - (first?.arrivals[0] ?? 0))).toEqual([0, 0, NOT_RECEIVED - (first?.arrivals[0] ?? 0), 40]);
    expect((first?.referenceTime ?? 0) * 64 + (first?.arrivals[0] ?? 0) / 4).toBe(1000);
    expect(second).toMatchObject({ baseSequence: 2, feedbackCount: 1 });
    expect(told(second)[0]).toBe(NOT_RECEIVED);
    expect((second?.referenceTime ?? 0) * 64 + (second?.arrivals[1] ?? 0) / 4).toBe(1050);
  });

  it('reports reception each second, with the delay since the last sender report (RFC 3550, 6.4.1)', () => {
    const harness = new Harness(planOf());
    const video = new SimulatedStream({ ssrc: 1, mid: 'v', sequence: 10 });
    for (let n = 0; n < 20; n += 1) {
      const packets = video.video({ key: n === 0, bytes: 900 });
      harness.receive(...(n === 5 ? [] : packets)).pass(FRAME);
    }
    const report = writeSenderReport({ ssrc: 1, ntpSeconds: 0x1234_5678, ntpFraction: 0x9abc_def0, rtpTimestamp: 1, packetCount: 1, octetCount: 1, reports: [] });
    harness.receiver.rtcp(report, harness.now);
    harness.pass(2000 - harness.now);
    const [first] = harness.ofKind('receiver-report');
    expect(first?.reports[0]).toMatchObject({ ssrc: 1, fractionLost: Math.floor(256 / 20), cumulativeLost: 1, highestSequence: 29, lastSenderReport: 0x5678_9abc });
    expect(first?.reports[0]?.delaySinceLastSenderReport).toBe(Math.round(((1000 - 20 * FRAME) * 65_536) / 1000));
    expect(harness.ofKind('sdes')[0]?.chunks[0]?.ssrc).toBe(4242);
    expect(harness.reports).toMatchObject([{ mid: 'v' }]);
    expect(harness.ofKind('remb')).toEqual([]);
  });

  it('estimates by REMB for publishers without transport-wide numbers', () => {
    const harness = new Harness(planOf([], { feedback: 'remb' }));
    const video = new SimulatedStream({ ssrc: 1, mid: 'v', counter: { next: 0 } });
    for (let n = 0; n < 150; n += 1) {
      harness.receive(...video.video({ key: n === 0, bytes: 9000 })).pass(FRAME);
    }
    const bitrates = harness.ofKind('remb').map(({ bitrate }) => bitrate);
    expect(bitrates.length).toBeGreaterThanOrEqual(4);
    expect(bitrates.at(-1)).toBeGreaterThan(bitrates[0] ?? Infinity);
    expect(harness.ofKind('transport-cc')).toEqual([]);
  });

  it('stands behind a report and a CNAME where reduced size was not negotiated (RFC 3550, 6.1)', () => {
    const harness = new Harness(planOf([], { reducedSize: false }));
    const video = new SimulatedStream({ ssrc: 1, mid: 'v' });
    harness.receive(...video.video({ key: false, bytes: 900 })).pass(400);
    expect(harness.sent.map(({ packet }) => packet.kind)).toEqual(['receiver-report', 'sdes', 'pli']);
  });

  it('asks for key frames: where none began the stream, and where none came for 2.2 s; never those who send them by themselves', () => {
    const harness = new Harness(planOf());
    const video = new SimulatedStream({ ssrc: 1, mid: 'v' });
    const run = (frames: number, gop: number): number => {
      const before = harness.ofKind('pli').length;
      for (let n = 0; n < frames; n += 1) {
        harness.receive(...video.video({ key: n % gop === gop - 1, bytes: 900 })).pass(FRAME);
      }
      return harness.ofKind('pli').length - before;
    };
    expect(run(15, 15)).toBe(1);
    expect(run(600, 60)).toBe(0);
    // OBS, which does not answer: asked every 2.2 s, and nothing depends on it.
    expect(run(240, 241)).toBe(3);
    expect(harness.units.length).toBeGreaterThanOrEqual(840);
  });

  it('asks for nothing of who is silent', () => {
    const harness = new Harness(planOf());
    const video = new SimulatedStream({ ssrc: 1, mid: 'v' });
    harness.receive(...video.video({ key: true, bytes: 900 })).pass(60_000);
    expect(harness.ofKind('pli')).toEqual([]);
  });
});

describe('streams are told apart', () => {
  it('by mid and rid, their repairs by repaired-rid, then by SSRC alone', () => {
    const harness = new Harness(planOf(['q', 'h', 'f']));
    const layers = ['q', 'h', 'f'].map((rid, at) => new SimulatedStream({ ssrc: 10 * (at + 1), mid: 'v', rid }));
    layers.forEach((layer) => harness.receive(...layer.video({ key: true, bytes: 900 })));
    expect(harness.units.map(({ key }) => key.rid)).toEqual(['q', 'h', 'f']);
    // Browsers leave the extensions out once the SSRC is known.
    const bare = new SimulatedStream({ ssrc: 20, sequence: layers[1]!.sequence });
    harness.receive(...bare.video({ key: false, bytes: 900 }));
    expect(harness.units.at(-1)?.key.rid).toBe('h');
    const lost = layers[2]!.sequence;
    layers[2]!.video({ key: false, bytes: 900 });
    harness.receive(...layers[2]!.video({ key: false, bytes: 900 })).pass(10).receive(layers[2]!.rtx(lost));
    expect(harness.units.slice(-2).map(({ key }) => key.rid)).toEqual(['f', 'f']);
  });

  it('by the sources that the offer announced, where there are no extensions', () => {
    const plan = planOf();
    const harness = new Harness({
      ...plan,
      media: plan.media.map((media) => (media.kind === 'video' ? { ...media, rids: ['0', '1'], sources: [{ ssrc: 1, rid: '0' }, { ssrc: 2, rtxSsrc: 3, rid: '1' }] } : media)),
      extensions: {},
    });
    const lower = new SimulatedStream({ ssrc: 2 });
    const packets = lower.video({ key: true, bytes: 1900 });
    harness.receive(packets[0]!, ...lower.video({ key: false, bytes: 900 })).pass(10).receive(lower.rtx(101, 3));
    expect(harness.units.map(({ key }) => key.rid)).toEqual(['1', '1']);
  });

  it('by a payload type that only one m-line has', () => {
    const harness = new Harness(planOf());
    harness.receive(...new SimulatedStream({ ssrc: 5 }).video({ key: true, bytes: 900 }), new SimulatedStream({ ssrc: 6 }).audio());
    expect(harness.units.map(({ key }) => key.mid)).toEqual(['v', 'a']);
  });

  it('and what belongs nowhere is dropped and counted', () => {
    const harness = new Harness(planOf(['q']));
    const video = new SimulatedStream({ ssrc: 1, mid: 'v', rid: 'x' });
    harness.receive(...video.video({ key: true, bytes: 900 }), video.packet(55, new Uint8Array(9), true), Uint8Array.of(1, 2, 3));
    expect(harness.units).toEqual([]);
    expect(harness.receiver.statistics.unusable).toBe(3);
  });

  it('another SSRC takes a stream over once the first is silent, or has said goodbye', () => {
    const harness = new Harness(planOf());
    const first = new SimulatedStream({ ssrc: 1, mid: 'v' });
    const second = new SimulatedStream({ ssrc: 2, mid: 'v', timestamp: 999_999 });
    harness.receive(...first.video({ key: true, bytes: 900 })).pass(50);
    harness.receive(...second.video({ key: true, bytes: 900 }));
    expect(harness.units).toHaveLength(1);
    harness.pass(200).receive(...second.video({ key: true, bytes: 900 }));
    expect(harness.units).toHaveLength(2);
    expect(harness.restarted).toMatchObject([{ mid: 'v' }]);
    harness.receiver.rtcp(compound(writeBye({ ssrcs: [2] })), harness.now);
    harness.receive(...first.video({ key: true, bytes: 900 }));
    expect(harness.units).toHaveLength(3);
  });

  it('probes that are padding alone disturb nothing', () => {
    const harness = new Harness(planOf());
    const video = new SimulatedStream({ ssrc: 1, mid: 'v' });
    harness.receive(...video.video({ key: true, bytes: 900 }));
    const padding = video.packet(IDS.vp8, new Uint8Array(200).fill(0, 0, 199).fill(200, 199), false);
    padding[0]! |= 0x20;
    const probe = new SimulatedStream({ ssrc: 2, mid: 'v' }).packet(IDS.rtx, new Uint8Array(100).fill(100, 99), false);
    probe[0]! |= 0x20;
    harness.receive(padding, probe, ...video.video({ key: false, bytes: 900 }));
    expect(harness.units).toHaveLength(2);
    expect(harness.receiver.statistics).toMatchObject({ unusable: 0, lost: 0 });
  });
});
