import { describe, expect, it } from 'vitest';

import type { LadderCatalog, Rendition } from '#core/bus/catalog.ts';
import { broadcastId, type Frame } from '#core/media/frame.ts';
import { partTarget } from '#core/media/parts.ts';
import { millis, wallTime, type WallTime } from '#core/media/time.ts';
import { Packager } from '#edge/cmaf/packager.ts';
import { BroadcastWindow } from '#edge/llhls/broadcast-window.ts';
import { NO_DIRECTIVES } from '#edge/llhls/directives.ts';
import type { EpochStart } from '#ingest/timeline/describe.ts';
import { Timeline } from '#ingest/timeline/timeline.ts';
import { Warnings } from '#ingest/timeline/warnings.ts';

import { reachableMegabytes } from './heap.ts';
import { configs, samplesOf } from './simulated-source.ts';

const HOUR = 3_600_000;
const STARTED_AT = Date.UTC(2026, 0, 1);
const broadcast = broadcastId('longrun1');

/** What is to hold for each frame that follows another of its track. */
class Exactness {
  readonly #last = new Map<string, Frame>();
  readonly faults: string[] = [];

  look(frame: Frame): void {
    const last = this.#last.get(frame.track);
    this.#last.set(frame.track, frame);
    if (last === undefined) {
      return;
    }
    const step = frame.dts - last.dts;
    const isNext = frame.group === last.group ? frame.index === last.index + 1 : frame.group === last.group + 1 && frame.index === 0;
    if (step !== last.duration || !isNext) {
      this.faults.push(`${frame.track} ${frame.group}.${frame.index} at ${frame.dts}: ${step} after ${last.group}.${last.index} of ${last.duration}`);
    }
  }

  /** Where a track ends, in milliseconds. */
  end(track: string, scale: number): number {
    const last = this.#last.get(track);
    return last === undefined ? Number.NaN : ((last.pts + last.duration) * 1000) / scale;
  }
}

/** Ingest's timeline, packagers and windows in one turn: what a bus would put between them. */
class Chain {
  readonly exactness = new Exactness();
  readonly warnings = new Warnings();
  readonly starts: EpochStart[] = [];
  readonly timeline: Timeline;
  readonly window = new BroadcastWindow(
    { stream: 'show', broadcast, epoch: 0, state: 'live', startedAt: wallTime(STARTED_AT) },
    { listed: millis(30_000), maxBytesPerTrack: 96 * 1024 * 1024, partHoldBack: 3 },
  );
  readonly #packagers = new Map<string, Packager>();

  constructor() {
    this.timeline = new Timeline({
      clockRate: 1000,
      host: {
        requestEpoch: () => queueMicrotask(() => this.#grant()),
        begin: (start) => this.#begin(start),
        frame: (frame) => {
          this.exactness.look(frame);
          this.#packagers.get(frame.track)?.push(frame);
        },
        warnings: this.warnings,
      },
    });
    configs.forEach((config) => this.timeline.config(config));
  }

  #grant(): void {
    this.timeline.grant({ broadcast, epoch: this.starts.length, fence: 1, firstGroup: STARTED_AT / 1000, floor: millis(0), startedAt: wallTime(STARTED_AT) }, wallTime(STARTED_AT));
  }

  #begin(start: EpochStart): void {
    this.starts.push(start);
    const renditions = start.tracks.map(({ name, config }): Rendition => ({ track: name, label: name, faces: ['hls'], mode: 'passthrough', reason: '', config, bandwidth: 1, averageBandwidth: 1 }));
    const ladder: LadderCatalog = { stream: 'show', broadcast, epoch: start.grant.epoch, fence: 1, revision: 1, partTarget: partTarget(start.tracks.map(({ config }) => config)), renditions, omitted: [] };
    this.window.ladder = ladder;
    for (const [track, rendition] of this.window.renditions) {
      this.#packagers.set(track, new Packager(rendition.window));
    }
  }
}

describe('a broadcast of twelve hours', () => {
  it.each([
    ['whose encoder\'s clock is as ours', 30, 60, 0],
    ['of 29.97 frames a second whose clock is 60 parts in a million fast', 30_000 / 1001, 60, 60e-6],
  ])('%s keeps numbers exact, sound and picture together, and memory flat', { timeout: 300_000 }, async (_name, framesPerSecond, framesPerGop, drift) => {
    const chain = new Chain();
    const duration = millis(12 * HOUR);
    // The 32-bit timestamps wrap in the middle.
    const source = samplesOf({ framesPerSecond, framesPerGop, startedAt: STARTED_AT, clock: 2 ** 32 - 6 * HOUR, duration, drift });
    const memory: number[] = [];
    let now: WallTime = wallTime(STARTED_AT);
    let nextLook = STARTED_AT + HOUR / 2;
    for (const sample of source) {
      now = sample.arrival;
      for (let due = chain.timeline.deadline; due !== undefined && due <= now; due = chain.timeline.deadline) {
        chain.timeline.tick(due);
      }
      chain.timeline.sample(sample);
      if (now >= nextLook) {
        nextLook += HOUR;
        // Windows settle after the turn, here as with a bus.
        await Promise.resolve();
        memory.push(reachableMegabytes());
        for (const { window } of chain.window.renditions.values()) {
          expect(window.listed.length).toBeGreaterThan(14);
          expect(window.listed.length).toBeLessThan(34);
          expect(window.listed.every((segment, i, all) => !segment.gap && segment.group === (all[0]?.group ?? 0) + i)).toBe(true);
        }
      } else if (sample.key && sample.kind === 'video') {
        await Promise.resolve();
      }
    }
    expect(chain.starts).toHaveLength(1);
    expect(chain.timeline.counts).toEqual({ jumps: 0, dropped: 0 });
    expect(chain.warnings.list(now).map(({ code }) => code)).toEqual([]);
    expect(chain.exactness.faults).toEqual([]);
    // Sound and picture end together to less than a frame of sound and one of picture; nothing has drifted apart.
    const [picture, sound] = [chain.exactness.end('video', 90_000), chain.exactness.end('audio', 48_000)];
    expect(Math.abs(picture - sound)).toBeLessThan(60);
    expect(Math.abs(picture - duration)).toBeLessThan(200);
    // The playlist's dates follow the clock on the wall, whatever the encoder's does.
    const last = chain.window.renditions.get(chain.starts[0]?.tracks[0]?.name ?? ('' as never))?.window.last;
    expect(Math.abs((last?.wallTime ?? 0) + (last?.duration ?? 0) - now)).toBeLessThan(100);
    const playlist = [...chain.window.renditions.values()].map((rendition) => rendition.playlist(NO_DIRECTIVES));
    expect(playlist.every((answer) => typeof answer !== 'string')).toBe(true);
    expect(memory).toHaveLength(12);
    expect(Math.max(...memory.slice(2)) - Math.min(...memory.slice(1, 3))).toBeLessThan(8);
  });
});
