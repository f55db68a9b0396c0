import type { Engine } from '../engine/engine.ts';
import { EventSchedule } from './event-schedule.ts';
import { ShownWatch } from './shown-watch.ts';
import type { EngineEvent, TimedMessage } from './timed-message.ts';

/** Name of the event that is dispatched at the `<video>`; its `detail` is a {@link TimedMessage}. It bubbles. */
export const METADATA_EVENT = 'millrace:metadata';

/** Hears of messages when their frame is shown. */
export type MetadataListener = (message: TimedMessage) => void;

/** Raises the messages of a broadcast when their frames are shown, whatever brings them: by listeners and as events of the element. */
export class Metadata {
  readonly #video: HTMLVideoElement;
  readonly #schedule = new EventSchedule((message) => this.#raise(message));
  readonly #listeners = new Set<MetadataListener>();
  readonly #watch: ShownWatch;
  #engine: Engine | undefined;

  constructor(video: HTMLVideoElement) {
    this.#video = video;
    this.#watch = new ShownWatch(video, {
      shown: (moment) => this.#schedule.shown(moment, this.#engine?.shownAt()),
      jumps: () => this.#schedule.jumps(),
      nextAfter: (moment) => this.#schedule.nextAfter(moment),
      playedTimestamp: () => this.#engine?.playedTimestamp?.(),
    });
  }

  /** Another engine plays, or none. */
  watch(engine: Engine | undefined): void {
    this.#engine = engine;
    this.#schedule.renew();
  }

  /** An engine tells of a message. */
  learn(event: EngineEvent): void {
    this.#schedule.learn(event);
    this.#watch.look();
  }

  /**
   * Calls back with each message from now on, when its frame is shown.
   *
   * @returns takes the listener away again; idempotent
   */
  onMetadata(listener: MetadataListener): () => void {
    // One function may listen twice, and each of the two is taken away by itself.
    const own: MetadataListener = (message) => listener(message);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  /** Idempotent. */
  close(): void {
    this.#watch.close();
    this.#listeners.clear();
  }

  #raise(message: TimedMessage): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(message);
      } catch (error) {
        // A listener's mistake is its page's, and shows there; playing goes on.
        reportError(error);
      }
    }
    this.#video.dispatchEvent(new CustomEvent(METADATA_EVENT, { detail: message, bubbles: true }));
  }
}
