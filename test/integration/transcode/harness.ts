import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Registry } from 'prom-client';
import { expect } from 'vitest';

import type { Bus, TrackProducer } from '#core/bus/bus.ts';
import type { BroadcastInfo, LadderCatalog, Rendition, TranscodeHealth } from '#core/bus/catalog.ts';
import { createLocalBus } from '#core/bus/local/local-bus.ts';
import type { Frame } from '#core/media/frame.ts';
import { millis, wallTime } from '#core/media/time.ts';
import type { TrackName } from '#core/media/track.ts';
import type { TranscodeConfig } from '#transcode/config.ts';
import { startTranscode, type TranscodeStage } from '#transcode/main.ts';
import { Machines, type Machine } from './machine.ts';
import { testLog, transcodeConfig } from './settings.ts';
import { secondsOf } from './sound.ts';
import { BROADCAST, type MadeSource } from './source.ts';

/** A transcoder on a bus of its own, or several on one, with everything it writes kept. */
export class Harness {
  readonly bus: Bus;
  readonly registry = new Registry();
  readonly outputs = new Map<TrackName, Frame[]>();
  readonly ladders: LadderCatalog[] = [];
  health: TranscodeHealth | undefined;
  #stage: TranscodeStage | undefined;
  readonly #machines: Machines;
  readonly #members: Member[] = [];
  readonly #producers = new Map<TrackName, TrackProducer>();
  #dataDir = '';

  constructor(bus: Bus) {
    this.bus = bus;
    this.#machines = new Machines(bus);
  }

  static async start(options: Partial<TranscodeConfig> = {}): Promise<Harness> {
    const harness = await Harness.open();
    const config = await transcodeConfig({ dataDir: harness.#dataDir, transcodeCapacity: 1000, ...options });
    harness.#stage = await startTranscode({ config, bus: harness.bus, log: testLog, metrics: harness.registry });
    return harness;
  }

  /** Without a transcoder: {@link Harness.join} brings them. */
  static async open(bus: Bus = createLocalBus()): Promise<Harness> {
    const harness = new Harness(bus);
    harness.#dataDir = await mkdtemp(join(tmpdir(), 'millrace-transcode-'));
    harness.bus.onCatalog(BROADCAST, 'ladder', (ladder) => harness.#take(ladder));
    harness.bus.onCatalog(BROADCAST, 'transcode', (health) => {
      harness.health = health;
    });
    return harness;
  }

  /** A transcoder on a machine of its own, which tells the others of itself. */
  async join(node: string, options: Partial<TranscodeConfig> = {}): Promise<Member> {
    const machine = this.#machines.add(node);
    const config = await transcodeConfig({ dataDir: this.#dataDir, transcodeCapacity: 1000, ...options });
    const stage = await startTranscode({ config, bus: machine, log: testLog.child({ node }), metrics: new Registry(), node });
    const member = new Member(machine, stage);
    this.#members.push(member);
    return member;
  }

  get stage(): TranscodeStage {
    if (this.#stage === undefined) {
      throw new Error('the transcoder is not started');
    }
    return this.#stage;
  }

  announce(state: BroadcastInfo['state'], epoch = 0): void {
    this.bus.announce({ stream: 'test', broadcast: BROADCAST, epoch, state, startedAt: wallTime(0) });
  }

  /** Begins an epoch and waits for its ladder. */
  async begin(source: MadeSource): Promise<void> {
    this.announce('live', source.catalog.epoch);
    this.bus.putCatalog(BROADCAST, 'source', source.catalog);
    await expect.poll(() => this.ladders.at(-1)?.epoch, { interval: 5 }).toBe(source.catalog.epoch);
  }

  write(frames: readonly Frame[]): void {
    for (const frame of frames) {
      const producer = this.#producers.get(frame.track) ?? this.bus.produce(BROADCAST, frame.track, { fence: 1 });
      this.#producers.set(frame.track, producer);
      producer.write(frame);
    }
  }

  /** Writes frames at a multiple of their own speed. */
  async pace(frames: readonly Frame[], speed: number): Promise<void> {
    const begin = performance.now();
    const first = frames[0] === undefined ? 0 : secondsOf(frames[0]);
    for (const frame of frames) {
      const due = begin + ((secondsOf(frame) - first) * 1000) / speed;
      const wait = due - performance.now();
      if (wait > 2) {
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
      this.write([frame]);
    }
  }

  /** Waits until every encoded rung has given out a frame of a pts or later. */
  async reached(pts: number): Promise<void> {
    await expect.poll(() => this.encoded.length > 0 && this.encoded.every(({ track }) => (this.outputs.get(track)?.at(-1)?.pts ?? -1) >= pts), { interval: 20 }).toBe(true);
  }

  get encoded(): readonly Rendition[] {
    return this.ladders.at(-1)?.renditions.filter(({ mode, config }) => mode === 'encoded' && config.kind === 'video') ?? [];
  }

  /** Waits until a track has given out a frame of a pts or later. */
  async gave(track: TrackName, pts: number): Promise<readonly Frame[]> {
    await expect.poll(() => this.outputs.get(track)?.at(-1)?.pts ?? -1, { interval: 20 }).toBeGreaterThanOrEqual(pts);
    return this.outputs.get(track) ?? [];
  }

  get pid(): number {
    const pid = this.stage.encoders[0];
    if (pid === undefined) {
      throw new Error('no encoder runs');
    }
    return pid;
  }

  async close(): Promise<void> {
    await Promise.all([this.#stage?.close(), ...this.#members.map((member) => member.close())]);
    await this.bus.close();
    await rm(this.#dataDir, { recursive: true });
  }

  #take(ladder: LadderCatalog): void {
    this.ladders.push(ladder);
    for (const { track, mode } of ladder.renditions) {
      if (mode === 'encoded' && !this.outputs.has(track)) {
        const frames: Frame[] = [];
        this.outputs.set(track, frames);
        void this.#collect(track, frames);
      }
    }
  }

  async #collect(track: TrackName, frames: Frame[]): Promise<void> {
    for await (const frame of this.bus.consume(BROADCAST, track, { backlog: millis(60_000), maxFrames: 20_000 })) {
      frames.push(frame);
    }
  }
}

/** A transcoder on a machine of its own. */
export class Member {
  readonly machine: Machine;
  readonly stage: TranscodeStage;
  readonly #timer: NodeJS.Timeout;

  constructor(machine: Machine, stage: TranscodeStage) {
    this.machine = machine;
    this.stage = stage;
    this.#timer = setInterval(() => this.#tell(), 100);
    this.#tell();
  }

  /** As by kill -9: the machine is silent, and its encoders are gone. */
  async die(): Promise<void> {
    this.machine.cut();
    clearInterval(this.#timer);
    await this.stage.close();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.stage.close();
    await this.machine.close();
  }

  #tell(): void {
    this.machine.present({ node: this.machine.node, roles: ['transcode'], version: 'test', startedAt: wallTime(0), draining: false, transcode: this.stage.load });
  }
}

/** Frames by group, in order. */
export function byGroup(frames: readonly Frame[]): ReadonlyMap<number, readonly Frame[]> {
  return Map.groupBy(frames, ({ group }) => group);
}

/** Tells whether a process is alive: not gone, and not a zombie that waits to be collected. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
