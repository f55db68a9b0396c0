import { readMessage } from '../../events/timed-message.ts';
import type { EngineEvent } from '../../events/timed-message.ts';
import type { EngineRung } from '../engine.ts';
import { readClock } from './media-clock.ts';
import type { ClockPoint } from './media-clock.ts';

/** One rendition that the server can send, as the event `layers` tells it. */
export type Layer = EngineRung & {
  readonly encodingId: string;
  /** It is being sent now. */
  readonly current: boolean;
};

/** What the server tells of a session. */
export interface LayerListener {
  /** Renditions, the lowest first. */
  layers(layers: readonly Layer[]): void;
  /** The publisher is gone and may return (`interrupted`), or the broadcast is over (`ended`). */
  inactive(state: 'interrupted' | 'ended'): void;
  active(): void;
  /** When what has which RTP timestamp was captured. */
  clock(point: ClockPoint): void;
  /** A message, with the RTP timestamp of its frame. */
  metadata(event: EngineEvent): void;
  /** The server is ending, and names another: its base URL. */
  move(url: string): void;
  /** The events have broken off; they are asked for again. */
  interrupted(): void;
  /** Bits per second that the server believes in. */
  estimate(bitsPerSecond: number): void;
}

/**
 * The extensions of a WHEP session: which renditions there are, and which one to send. Works as well where the server offers
 * neither: then nothing is told, and choosing does nothing.
 */
export class LayerChannel {
  readonly #layer: string | undefined;
  readonly #events: EventSource | undefined;
  readonly #ends = new AbortController();

  /** Takes the extensions' URLs, and listens at once. */
  constructor(links: { readonly events: string | undefined; readonly layer: string | undefined }, listener: LayerListener) {
    this.#layer = links.layer;
    if (links.events === undefined) {
      return;
    }
    this.#events = new EventSource(links.events);
    const on = (name: string, act: (data: unknown) => void): void => {
      this.#events?.addEventListener(name, (event: MessageEvent<string>) => act(parse(event.data)));
    };
    on('layers', (data) => listener.layers(readLayers(data)));
    on('active', () => listener.active());
    on('inactive', (data) => listener.inactive(isRecord(data) && data['state'] === 'ended' ? 'ended' : 'interrupted'));
    on('clock', (data) => {
      const point = readClock(data);
      if (point !== undefined) {
        listener.clock(point);
      }
    });
    on('metadata', (data) => readMetadata(data).forEach((event) => listener.metadata(event)));
    on('move', (data) => isRecord(data) && typeof data['url'] === 'string' && listener.move(data['url']));
    this.#events.addEventListener('error', () => listener.interrupted());
    on('estimate', (data) => isRecord(data) && typeof data['bitrate'] === 'number' && listener.estimate(data['bitrate']));
  }

  /** Asks for a rendition; for none in particular: the server decides. */
  choose(encodingId: string | undefined): void {
    if (this.#layer === undefined) {
      return;
    }
    const body = JSON.stringify(encodingId === undefined ? {} : { encodingId });
    // A choice that does not get through is told by the next `layers`: the menu shows what is playing.
    fetch(this.#layer, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body, signal: this.#ends.signal }).catch(() => undefined);
  }

  /** Ends it. Idempotent. */
  close(): void {
    this.#ends.abort();
    this.#events?.close();
  }
}

/** Reads the data of the event `metadata`; nothing where it is no message with a place. */
export function readMetadata(data: unknown): EngineEvent[] {
  if (!isRecord(data)) {
    return [];
  }
  const { id, type, data: body, time, wallTime, video, audio } = data;
  const message = readMessage({ id, type, data: body, time, wallTime });
  const timestamp = video ?? audio;
  if (message === undefined || typeof timestamp !== 'number' || !Number.isFinite(timestamp)) {
    return [];
  }
  return [{ message, place: { kind: 'rtp', media: video === undefined ? 'audio' : 'video', timestamp } }];
}

/** Reads the data of the event `layers`; what is no layer is left out. The lowest first. */
export function readLayers(data: unknown): readonly Layer[] {
  const lists = isRecord(data) ? Object.values(data) : [];
  const layers = lists.flatMap((list: unknown) => (Array.isArray(list) ? list : [])).flatMap(readLayer);
  return layers.sort((a, b) => a.height - b.height || a.bitrate - b.bitrate);
}

function readLayer(value: unknown): Layer[] {
  if (!isRecord(value)) {
    return [];
  }
  const encodingId = value['encodingId'] ?? value['rid'];
  const { label, width, height, bitrate, targetBitrate, current } = value;
  if (typeof encodingId !== 'string' || typeof height !== 'number') {
    return [];
  }
  return [
    {
      encodingId,
      label: typeof label === 'string' ? label : `${height}p`,
      width: typeof width === 'number' ? width : 0,
      height,
      bitrate: [targetBitrate, bitrate].find((rate) => typeof rate === 'number' && rate > 0) as number | undefined ?? 0,
      current: current === true,
    },
  ];
}

function parse(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
