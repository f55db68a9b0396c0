import type { LadderCatalog, Rendition } from '#core/bus/catalog.ts';
import { broadcastId, type BroadcastId } from '#core/media/frame.ts';
import { millis, type Millis } from '#core/media/time.ts';
import { trackName, type TrackConfig } from '#core/media/track.ts';

import type { Payload } from '../../http/payload.ts';
import type { Outcome, Waiter } from '../waiting.ts';
import { audioConfig, ORIGIN, videoConfig } from './feed.ts';

/** The broadcast of the tests. */
export const testBroadcast: BroadcastId = broadcastId('testbroadcast');

/** A rendition of face `hls`. */
export function testRendition(name: string, config: TrackConfig, bandwidth: number, more: Partial<Rendition> = {}): Rendition {
  return {
    track: trackName(name),
    label: name,
    faces: ['hls'],
    mode: 'passthrough',
    reason: '',
    config,
    bandwidth,
    averageBandwidth: bandwidth / 2,
    ...(config.kind === 'video' ? { frameRate: 30 } : {}),
    ...more,
  };
}

/** A ladder of `video`, `v360` and `audio`. */
export const testRenditions: readonly Rendition[] = [
  testRendition('video', videoConfig, 2_000_000),
  testRendition('v360', { ...videoConfig, height: 360 }, 700_000, { mode: 'encoded' }),
  testRendition('audio', audioConfig, 128_000),
];

/** A ladder's catalog section. */
export function testLadder(renditions: readonly Rendition[] = testRenditions, more: { readonly epoch?: number; readonly revision?: number; readonly partTarget?: Millis } = {}): LadderCatalog {
  return { stream: 'demo', broadcast: testBroadcast, epoch: 0, fence: 1, revision: 1, partTarget: millis(200), renditions, omitted: [], ...more };
}

/** A waiter that remembers how it was settled. */
export class TestWaiter implements Waiter {
  readonly deadline;
  readonly wantsDelta: boolean;
  readonly outcomes: Outcome[] = [];

  constructor({ deadline = ORIGIN, wantsDelta = false } = {}) {
    this.deadline = deadline;
    this.wantsDelta = wantsDelta;
  }

  settle(outcome: Outcome): void {
    this.outcomes.push(outcome);
  }

  /** The text of the payload it got. */
  get text(): string {
    return (this.outcomes[0] as Payload).bytes.toString();
  }
}

/** Lets pending microtasks run: windows answer after the turn of a change. */
export async function settled(): Promise<void> {
  await Promise.resolve();
  await Promise.resolve();
}
