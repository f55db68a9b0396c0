import type { Rendition } from '#core/bus/catalog.ts';
import type { TrackName } from '#core/media/track.ts';
import { Refusal } from '#core/rtc/signalling/refusal.ts';

import type { SizeBounds } from './rungs.ts';

/** One rung as the event `layers` tells of it (draft-ietf-wish-whep, 4.9.1). `encodingId` is what the draft's earlier versions call `rid`. */
export type Layer = {
  readonly rid: string;
  readonly encodingId: string;
  readonly label: string;
  readonly width: number;
  readonly height: number;
  readonly frameRate: number | undefined;
  /** Mean bits per second; 0 where nothing comes. */
  readonly bitrate: number;
  /** Peak bits per second. */
  readonly targetBitrate: number;
  /** It is being sent. */
  readonly current: boolean;
  /** The viewer chose it by hand. */
  readonly selected: boolean;
};

/** What a viewer wishes of the picture. Without a track the choice is automatic, within the bounds. */
export type LayerWish = SizeBounds & { readonly track?: string };

/** Describes the rungs of a viewer. */
export function describeLayers(
  rungs: readonly Rendition[],
  state: { readonly current: TrackName | undefined; readonly selected: string | undefined; readonly silent: (track: TrackName) => boolean },
): readonly Layer[] {
  return rungs.flatMap(({ track, label, config, frameRate, averageBandwidth, bandwidth }) =>
    config.kind !== 'video'
      ? []
      : {
          rid: track,
          encodingId: track,
          label,
          width: config.width,
          height: config.height,
          frameRate,
          bitrate: state.silent(track) ? 0 : averageBandwidth,
          targetBitrate: bandwidth,
          current: track === state.current,
          selected: track === state.selected,
        },
  );
}

/**
 * Reads the body of a layer request.
 *
 * @throws {Refusal} 400 `whep/bad-layer` where it is no such request.
 */
export function parseLayerWish(text: string): LayerWish {
  const body = parseObject(text);
  const track = body['encodingId'] ?? body['rid'];
  const maxWidth = bound(body['maxWidth']);
  const maxHeight = bound(body['maxHeight']);
  if (track !== undefined && track !== null && typeof track !== 'string') {
    throw badLayer('encodingId is a string');
  }
  return {
    ...(typeof track === 'string' ? { track } : {}),
    ...(maxWidth === undefined ? {} : { maxWidth }),
    ...(maxHeight === undefined ? {} : { maxHeight }),
  };
}

/**
 * Reads the body of a request for an event stream: names of events; all where it is empty.
 *
 * @throws {Refusal} 400 `whep/bad-events`.
 */
export function parseEventNames(text: string): ReadonlySet<string> | undefined {
  if (text.trim() === '') {
    return undefined;
  }
  const names = parseJson(text);
  if (!Array.isArray(names) || names.length > 32 || !names.every((name) => typeof name === 'string')) {
    throw new Refusal(400, 'whep/bad-events', 'The body is a JSON array of event names.');
  }
  return new Set(names as readonly string[]);
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  const value = parseJson(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badLayer('the body is a JSON object');
  }
  return value as Readonly<Record<string, unknown>>;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new Refusal(400, 'whep/bad-json', 'The body is not JSON.', { cause });
  }
}

function bound(value: unknown): number | undefined {
  if (value === undefined || value === null) {
    return undefined;
  }
  if (typeof value !== 'number' || !(value > 0)) {
    throw badLayer('maxWidth and maxHeight are positive numbers');
  }
  return value;
}

function badLayer(why: string): Refusal {
  return new Refusal(400, 'whep/bad-layer', `The layer cannot be read: ${why}.`);
}
