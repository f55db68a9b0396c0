import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { wallTime } from '#core/media/time.ts';
import { chooseEngine } from '../choose-engine.ts';
import type { EngineFailure, EngineListener } from '../engine.ts';
import { DashEngine } from './dash-engine.ts';

/** A port that nobody listens at. */
const unreachable = 'http://127.0.0.1:9/live/cam/manifest.mpd';

describe('the LL-DASH engine', () => {
  let video: HTMLVideoElement;
  let failures: EngineFailure[];
  let engine: DashEngine;

  const make = (url: string): DashEngine => {
    const nothing = (): void => undefined;
    const listener: EngineListener = { rungs: nothing, shown: nothing, buffered: nothing, troubled: nothing, recovered: nothing, event: nothing, ended: nothing, failed: (failure) => failures.push(failure) };
    return new DashEngine({ video, url, stream: 'cam', sessionId: 'visit', guess: 2_000_000, choice: 'auto', now: () => wallTime(Date.now()), listener });
  };

  beforeEach(() => {
    failures = [];
    video = document.createElement('video');
    video.muted = true;
    document.body.append(video);
  });

  afterEach(() => {
    engine.destroy();
    video.remove();
    vi.restoreAllMocks();
  });

  it('knows nothing before the first manifest', () => {
    engine = make(unreachable);
    expect([engine.kind, engine.loading, engine.throughput, engine.partTarget, engine.shownAt(), engine.livePosition()]).toEqual(['dash', -1, undefined, undefined, undefined, undefined]);
    engine.choice = 1;
    expect(engine.choice).toBe(1);
  });

  it('fails once where the server cannot be reached', async () => {
    engine = make(unreachable);
    engine.start();
    await expect.poll(() => failures.map(({ kind }) => kind)).toEqual(['network']);
  });

  it.each([
    ['off air', 404, { code: 'offline' }, 'offline'],
    ['unknown', 404, { code: 'stream/unknown' }, 'unknown-stream'],
    ['behind a proxy that has lost its server', 502, 'Bad gateway', 'network'],
  ])('says what the manifest answers for a stream that is %s', async (_name, status, body, kind) => {
    vi.spyOn(globalThis, 'fetch').mockImplementation(() => Promise.resolve(new Response(JSON.stringify(body), { status })));
    engine = make(unreachable);
    engine.start();
    await expect.poll(() => failures.map((failure) => failure.kind)).toEqual([kind]);
  });

  it('lets go of the element, tells nothing more and asks nobody anything once it is destroyed', async () => {
    engine = make(unreachable);
    engine.start();
    engine.destroy();
    engine.destroy();
    expect(video.getAttribute('src')).toBeNull();
    expect([engine.loading, engine.throughput]).toEqual([-1, undefined]);
    // dash.js works off the retries of a request that had begun: three, half a second apart.
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    const asked = vi.spyOn(XMLHttpRequest.prototype, 'open');
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(asked).not.toHaveBeenCalled();
    expect(failures).toEqual([]);
  });

  it('comes last where the way is left to the player, and alone where it is asked for', () => {
    engine = make(unreachable);
    const kinds = (choice: 'auto' | 'dash'): unknown => {
      const offer = chooseEngine(choice, video);
      return 'ways' in offer ? offer.ways.map(({ kind }) => kind) : offer;
    };
    expect(kinds('auto')).toEqual(['webrtc', 'hls', 'dash']);
    expect(kinds('dash')).toEqual(['dash']);
  });
});
