import type { FramePlace } from '../../../media/frame.ts';
import { millis, type Millis } from '../../../media/time.ts';
import { isCount } from './message.ts';

/** What a reader asks a track's origin for. */
export type BacklogWant =
  /** Nothing but where the track is; the newest group. */
  | { readonly want: 'none' | 'newest' }
  /** All groups that started at most so long before the newest. */
  | { readonly want: 'span'; readonly span: Millis }
  /** All frames after a place; groups from their first frame, but for the place's own. */
  | { readonly want: 'after'; readonly place: FramePlace }
  /** Groups of a span that are older than a place. */
  | { readonly want: 'before'; readonly span: Millis; readonly place: FramePlace };

/** How many bytes an answer may send at first, and how many at most unread later. */
export const ANSWER_WINDOW_BYTES = 1024 * 1024;

/** Who answers, and with what. */
export type BacklogOffer = {
  /** Of its newest frame. */
  readonly fence: number;
  /** Frames that follow. */
  readonly frames: number;
  /** Its newest frame. */
  readonly last: FramePlace;
  /** It writes to the track now. Who was taken over from, or sleeps, does not. */
  readonly isFresh: boolean;
};

/** So many further bytes may be sent; 0: none, and no more is wanted. */
export type BacklogGrant = { readonly grant: number };

/** Reads a request; undefined where it is none. */
export function readWant(text: string): BacklogWant | undefined {
  const { want, span, place } = parse(text);
  if (want === 'none' || want === 'newest') {
    return { want };
  }
  if (want === 'span' && isCount(span)) {
    return { want, span: millis(span) };
  }
  if (want === 'after' && isPlace(place)) {
    return { want, place };
  }
  return want === 'before' && isCount(span) && isPlace(place) ? { want, span: millis(span), place } : undefined;
}

/** Reads an offer; undefined where it is none. */
export function readOffer(text: string): BacklogOffer | undefined {
  const { fence, frames, last, isFresh } = parse(text);
  return isCount(fence) && isCount(frames) && isPlace(last) && typeof isFresh === 'boolean' ? { fence, frames, last, isFresh } : undefined;
}

/** Reads a grant; undefined where it is none. */
export function readGrant(text: string): BacklogGrant | undefined {
  const { grant } = parse(text);
  return isCount(grant) && grant <= ANSWER_WINDOW_BYTES ? { grant } : undefined;
}

function parse(text: string): Readonly<Record<string, unknown>> {
  if (text.length > 1024) {
    return {};
  }
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function isPlace(value: unknown): value is FramePlace {
  if (typeof value !== 'object' || value === null) {
    return false;
  }
  const { epoch, group, index } = value as Partial<Record<keyof FramePlace, unknown>>;
  return isCount(epoch) && isCount(group) && isCount(index);
}
