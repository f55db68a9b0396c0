import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { pino } from 'pino';
import { Registry } from 'prom-client';

import type { Bus } from '#core/bus/bus.ts';
import type { BroadcastInfo, LadderCatalog, SourceCatalog } from '#core/bus/catalog.ts';
import { createLocalBus } from '#core/bus/local/local-bus.ts';
import { metadataSubject, type MetadataAnswer } from '#core/bus/metadata.ts';
import type { Frame } from '#core/media/frame.ts';
import { millis, systemClock } from '#core/media/time.ts';
import type { TrackName } from '#core/media/track.ts';
import { commonOptions } from '#core/runtime/config/common.ts';
import type { Stage } from '#core/runtime/stage.ts';
import { followBus, type BusFollower } from '#edge/from-bus.ts';
import type { BroadcastWindow } from '#edge/llhls/broadcast-window.ts';
import { Directory } from '#edge/llhls/directory.ts';
import { ingestOptions, type IngestConfig } from '#ingest/config.ts';
import { startIngest, type IngestStage } from '#ingest/main.ts';
import { transcodeOptions, type TranscodeConfig } from '#transcode/config.ts';
import { startTranscode } from '#transcode/main.ts';

const STREAM = 'show';
const log = pino({ level: process.env['LOG'] ?? 'silent' });

/** Ingest, transcoder and packager on one bus, with every frame of a ladder's renditions kept. */
export class Pipeline {
  readonly bus: Bus = createLocalBus();
  readonly frames = new Map<TrackName, Frame[]>();
  readonly directory = new Directory({ clock: systemClock, listed: millis(30_000), maxBytesPerTrack: 64 * 1024 * 1024, partHoldBack: 3, knownStreams: () => [STREAM] });
  info: BroadcastInfo | undefined;
  ladder: LadderCatalog | undefined;
  source: SourceCatalog | undefined;
  #ingest!: IngestStage;
  #stages: Stage[] = [];
  #follower: BusFollower | undefined;
  #dataDir = '';

  static async start(ladder: TranscodeConfig['ladder']): Promise<Pipeline> {
    const pipeline = new Pipeline();
    pipeline.#dataDir = await mkdtemp(join(tmpdir(), 'millrace-metadata-'));
    const { bus } = pipeline;
    const changed = { host: '127.0.0.1', rtmpPort: 0, dataDir: pipeline.#dataDir, ladder, transcodeCapacity: 1000 };
    pipeline.#listen();
    pipeline.#follower = followBus({ bus, directory: pipeline.directory, observer: { partAvailable: () => undefined, groupsLost: () => undefined }, log, clock: systemClock });
    pipeline.#stages.push(await startTranscode({ config: { ...(await defaults<TranscodeConfig>(transcodeOptions)), ...changed }, bus, log, metrics: new Registry() }));
    const policy = { decide: () => Promise.resolve({ allowed: true, stream: STREAM } as const) };
    pipeline.#ingest = await startIngest({ config: { ...(await defaults<IngestConfig>(ingestOptions)), ...changed }, bus, policy, log, metrics: new Registry() });
    pipeline.#stages.push(pipeline.#ingest);
    return pipeline;
  }

  get publishUrl(): string {
    return `rtmp://127.0.0.1:${this.#ingest.rtmpPort}/live/${STREAM}_0123456789abcdef`;
  }

  /** The broadcast as LL-HLS serves it. */
  get window(): BroadcastWindow {
    const window = this.directory.windows.find(({ info }) => info.stream === STREAM);
    if (window === undefined) {
      throw new Error('nothing is on air');
    }
    return window;
  }

  /** Sends a message, as `POST /api/v1/streams/show/metadata` does. */
  async send(data: unknown, type = 'test'): Promise<MetadataAnswer> {
    return (await this.bus.request(metadataSubject(STREAM), { type, data: JSON.stringify(data) })) as MetadataAnswer;
  }

  /** The frames that carry a message, one of each rendition that has it. */
  carriers(id: string): ReadonlyMap<TrackName, Frame> {
    const found = [...this.frames].flatMap(([track, frames]) => frames.filter(({ events }) => events?.some((event) => event.id === id)).map((frame) => [track, frame] as const));
    if (new Set(found.map(([track]) => track)).size !== found.length) {
      throw new Error(`message ${id} is twice in one track`);
    }
    return new Map(found);
  }

  async close(): Promise<void> {
    await Promise.all(this.#stages.map((stage) => stage.close()));
    await this.#follower?.close();
    await this.bus.close();
    await rm(this.#dataDir, { recursive: true, force: true });
  }

  #listen(): void {
    this.bus.onBroadcast((info) => {
      const isNew = this.info?.broadcast !== info.broadcast;
      this.info = info;
      if (isNew) {
        this.bus.onCatalog(info.broadcast, 'source', (source) => (this.source = source));
        this.bus.onCatalog(info.broadcast, 'ladder', (ladder) => {
          this.ladder = ladder;
          ladder.renditions.filter(({ track }) => !this.frames.has(track)).forEach(({ track }) => void this.#collect(info, track));
        });
      }
    });
  }

  async #collect({ broadcast }: BroadcastInfo, track: TrackName): Promise<void> {
    const frames: Frame[] = [];
    this.frames.set(track, frames);
    for await (const frame of this.bus.consume(broadcast, track, { backlog: millis(60_000), maxFrames: 20_000 })) {
      frames.push(frame);
    }
  }
}

async function defaults<T>(options: Readonly<Record<string, { readonly schema: { parseAsync(value: unknown): Promise<unknown> } }>>): Promise<T> {
  const entries = Object.entries({ ...commonOptions, ...options }).map(async ([name, { schema }]) => [name, await schema.parseAsync(undefined)] as const);
  return Object.fromEntries(await Promise.all(entries)) as T;
}
