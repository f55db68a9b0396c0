import type { EngineEvent, EventPlace, TimedMessage } from './timed-message.ts';

/** What is shown at an instant, as places are told. */
export type ShownMoment = EventPlace;

/** Who comes, or jumps ahead, is told of what lies at most this far behind what is shown, seconds. */
const lateBy = 2;

/** Timestamps are rounded on the way: a frame this little before a message's own is its frame. Less than half a frame at 60 a second. */
const tolerance = 0.006;

/** Going back by less is a correction, not a wish to see it again. */
const backBy = 0.3;

/** Messages kept, the oldest forgotten first: more than two hours at one each ten seconds, and the burst that the server lets through. */
const mostKept = 1_000;

type Entry = { event: EngineEvent; state: 'waits' | 'raised' | 'missed' };

/**
 * When to raise which message: once for each id, when its frame is shown. Pure: it is told of messages and of what is shown.
 *
 * - Late messages (their frame was shown already) are raised at once where they are less than 2 s late, others not at all. What is played
 *   without a jump is never late, however long nobody looked.
 * - Who goes back sees them again: messages after the new position are raised once more.
 * - With another engine places mean nothing any more; ids that were raised are remembered.
 */
export class EventSchedule {
  readonly #entries = new Map<string, Entry>();
  /** Raised before the present engine, and when they left the camera. */
  #before = new Map<string, number | undefined>();
  readonly #raise: (message: TimedMessage) => void;
  #last: ShownMoment | undefined;
  #jumped = true;

  constructor(raise: (message: TimedMessage) => void) {
    this.#raise = raise;
  }

  /** Messages that are known and kept. */
  get size(): number {
    return this.#entries.size + this.#before.size;
  }

  /** Takes a message in. One that is known already may have another place; it is not raised twice. */
  learn(event: EngineEvent): void {
    const { id } = event.message;
    const known = this.#entries.get(id);
    if (known !== undefined) {
      known.event = event;
      return;
    }
    const isRaised = this.#before.has(id);
    this.#before.delete(id);
    this.#entries.set(id, { event, state: isRaised ? 'raised' : 'waits' });
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > mostKept && oldest !== undefined) {
      this.#entries.delete(oldest);
    }
    if (this.#last !== undefined) {
      this.#look(this.#last);
    }
  }

  /** The element is about to show another position. */
  jumps(): void {
    this.#jumped = true;
  }

  /**
   * Something is shown now.
   *
   * @param wallTime - when it left the camera, milliseconds since 1970, where that is known: of what another engine raised, what lies well after it is raised again
   */
  shown(moment: ShownMoment, wallTime?: number): void {
    if (this.#last === undefined && wallTime !== undefined) {
      this.#forgetAfter(wallTime + lateBy * 1_000);
    }
    const last = this.#last;
    if (last !== undefined && (distance(last, moment) ?? 0) < -backBy) {
      this.#rearm(moment);
      this.#jumped = true;
    }
    this.#look(moment);
    this.#last = moment;
    this.#jumped = false;
  }

  /** How long after a moment the next message is due, seconds of media; undefined while none waits. */
  nextAfter(moment: ShownMoment): number | undefined {
    let next: number | undefined;
    for (const { event, state } of this.#entries.values()) {
      const after = state === 'waits' ? distance(moment, event.place) : undefined;
      if (after !== undefined && (next === undefined || after < next)) {
        next = after;
      }
    }
    return next;
  }

  /** Another engine shows something from now on. */
  renew(): void {
    for (const [id, { event, state }] of this.#entries) {
      if (state === 'raised') {
        const { wallTime } = event.message;
        this.#before.set(id, wallTime === null ? undefined : Date.parse(wallTime));
      }
    }
    this.#before = new Map([...this.#before].slice(-mostKept));
    this.#entries.clear();
    this.#last = undefined;
    this.#jumped = true;
  }

  #look(moment: ShownMoment): void {
    // Without a jump everything since the last look was played.
    const played = this.#jumped || this.#last === undefined ? 0 : Math.max(distance(this.#last, moment) ?? 0, 0);
    const due: { readonly entry: Entry; readonly late: number }[] = [];
    for (const entry of this.#entries.values()) {
      const ahead = entry.state === 'waits' ? distance(moment, entry.event.place) : undefined;
      if (ahead !== undefined && ahead <= tolerance) {
        due.push({ entry, late: -ahead });
      }
    }
    due.sort((a, b) => b.late - a.late);
    for (const { entry, late } of due) {
      entry.state = late <= Math.max(lateBy, played) ? 'raised' : 'missed';
    }
    for (const { entry } of due) {
      if (entry.state === 'raised') {
        this.#raise(entry.event.message);
      }
    }
  }

  /** What another engine raised and this one has yet to show is raised again: the viewer went back. */
  #forgetAfter(wallTime: number): void {
    this.#before = new Map([...this.#before].filter(([, at]) => at === undefined || at <= wallTime));
    for (const entry of this.#entries.values()) {
      const at = entry.event.message.wallTime;
      if (at !== null && Date.parse(at) > wallTime) {
        entry.state = 'waits';
      }
    }
  }

  #rearm(moment: ShownMoment): void {
    for (const entry of this.#entries.values()) {
      if ((distance(moment, entry.event.place) ?? 0) > tolerance) {
        entry.state = 'waits';
      }
    }
  }
}

/** How far a place lies ahead of what is shown, seconds; undefined where the two cannot be compared. */
function distance(shown: ShownMoment, place: EventPlace): number | undefined {
  if (shown.kind === 'position') {
    return place.kind === 'position' ? place.position - shown.position : undefined;
  }
  if (place.kind !== 'rtp' || place.media !== shown.media) {
    return undefined;
  }
  // Timestamps wrap (32 bits): the nearer way round is meant.
  return ((place.timestamp - shown.timestamp) | 0) / (place.media === 'video' ? 90_000 : 48_000);
}
