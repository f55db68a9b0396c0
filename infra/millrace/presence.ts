import type { Bus } from '#core/bus/bus.ts';
import type { EdgeLoad, IngestLoad, NodeId, NodeInfo, NodeRole, TranscodeLoad } from '#core/bus/node.ts';
import { systemClock, type Clock } from '#core/media/time.ts';

/** How often a process tells of itself. */
const INTERVAL = 1000;

/** What a {@link Presence} tells; loads are asked for each time. */
export type PresenceOptions = {
  readonly bus: Pick<Bus, 'present'>;
  readonly node: NodeId;
  readonly roles: readonly NodeRole[];
  readonly version: string;
  readonly region: string | undefined;
  readonly url: string | undefined;
  readonly loads: {
    readonly ingest?: () => IngestLoad;
    readonly transcode?: () => TranscodeLoad;
    readonly edge?: () => EdgeLoad;
  };
  readonly clock?: Clock;
};

/** Tells the other processes of this one, each second. */
export class Presence {
  readonly #options: PresenceOptions;
  readonly #common: Pick<NodeInfo, 'node' | 'roles' | 'version' | 'startedAt' | 'region' | 'url'>;
  readonly #timer: NodeJS.Timeout;
  #draining = false;

  constructor(options: PresenceOptions) {
    this.#options = options;
    const { node, roles, version, region, url, clock = systemClock } = options;
    this.#common = { node, roles, version, startedAt: clock(), ...(region === undefined ? {} : { region }), ...(url === undefined ? {} : { url }) };
    this.#timer = setInterval(() => this.#tell(), INTERVAL);
    this.#timer.unref();
    this.#tell();
  }

  /** From now on nothing new is to be sent here. */
  drain(): void {
    this.#draining = true;
    this.#tell();
  }

  /** Idempotent. */
  close(): Promise<void> {
    clearInterval(this.#timer);
    return Promise.resolve();
  }

  #tell(): void {
    const { bus, loads } = this.#options;
    const { ingest, transcode, edge } = loads;
    bus.present({
      ...this.#common,
      draining: this.#draining,
      ...(ingest === undefined ? {} : { ingest: ingest() }),
      ...(transcode === undefined ? {} : { transcode: transcode() }),
      ...(edge === undefined ? {} : { edge: edge() }),
    });
  }
}
