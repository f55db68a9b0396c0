import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeEdges } from '../../testing/fake-edges.ts';
import { NativeRewindEngine } from '../hls/rewind-native-engine.ts';
import type { EngineFailure, EngineListener } from '../engine.ts';
import { NativeEngine } from './native-engine.ts';

const home = `${location.origin}/`;
const b = 'https://b.test/';

describe('the browser’s own HLS among edges', () => {
  let video: HTMLVideoElement;
  let edges: FakeEdges;
  let failures: EngineFailure[];
  const listener = (): EngineListener => ({
    rungs: () => undefined,
    shown: () => undefined,
    buffered: () => undefined,
    troubled: () => undefined,
    recovered: () => undefined,
    event: () => undefined,
    ended: () => undefined,
    failed: (failure) => failures.push(failure),
  });

  beforeEach(() => {
    failures = [];
    vi.stubGlobal('fetch', () => new Promise(() => undefined));
    video = document.createElement('video');
    edges = new FakeEdges(home, [b]);
  });

  afterEach(() => vi.unstubAllGlobals());

  it('plays from the edge in use, and begins anew at the next one', () => {
    const engine = new NativeEngine({ video, url: '/live/cam/master.m3u8', edges: edges.asEdges, listener: listener() });
    engine.start();
    expect(video.src).toBe(`${home}live/cam/master.m3u8`);
    edges.die();
    expect(video.src).toBe(`${b}live/cam/master.m3u8`);
    engine.destroy();
    edges.die();
    expect(video.hasAttribute('src')).toBe(false);
  });

  it('says that what is kept has to be asked for anew when an edge dies: the viewer’s place is the session’s', () => {
    const engine = new NativeRewindEngine({ kind: 'rewind', video, url: '/live/cam/rewind.m3u8', begin: { position: 0 }, edges: edges.asEdges, listener: listener() });
    engine.start();
    edges.die();
    expect(failures).toMatchObject([{ kind: 'network' }]);
    engine.destroy();
    edges.die();
    expect(failures).toHaveLength(1);
  });
});
