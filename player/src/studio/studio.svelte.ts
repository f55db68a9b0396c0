import { parseStreamKey } from '#core/access/stream-key.ts';
import type { Routes } from '../address/address.ts';
import { fetchBroadcast } from './broadcast-facts.ts';
import type { BroadcastFacts } from './broadcast-facts.ts';
import { canCapture } from './capture/open-devices.ts';
import { memory } from './memory.ts';
import { publishedOf } from './published.ts';
import type { Settings } from './settings.ts';
import { Sources } from './sources.svelte.ts';
import { IngestChoice } from './whip/ingest-choice.ts';
import { Publisher } from './whip/publisher.ts';
import type { PublisherState } from './whip/publisher.ts';
import type { Published } from './whip/whip-session.ts';
import { readOutbound } from './whip/outbound.ts';
import type { Limitation, Outbound } from './whip/outbound.ts';
import { whyNoKey, worstLimitation } from './words.ts';

/** How often the server is asked about the broadcast, milliseconds. */
const factsInterval = 2_000;

/** Browsers begin low and find the line's width in some seconds: a limit is told when it has lasted so long, milliseconds. */
const limitPatience = 6_000;

/** The studio as the components see it. */
export class StudioState {
  settings = $state.raw<Settings>(memory.settings());
  key = $state(memory.key() ?? '');
  remember = $state(memory.key() !== undefined);
  publishing = $state.raw<PublisherState>({ kind: 'idle' });
  outbound = $state.raw<Outbound>();
  facts = $state.raw<BroadcastFacts>();
  /** What has held the picture back for a while. */
  limitation = $state<Limitation>('none');
  /** Said where the form is not complete. */
  complaint = $state<string>();
  readonly possible = canCapture();
  readonly routes: Routes;
  readonly sources: Sources;
  /** Wanted on air, whether or not it is now. */
  readonly onAir = $derived.by(() => this.publishing.kind !== 'idle' && this.publishing.kind !== 'refused');
  readonly live = $derived.by(() => this.publishing.kind === 'live');
  readonly stream = $derived.by(() => parseStreamKey(this.key.trim())?.stream);
  readonly #publisher: Publisher;
  #limitedSince: number | undefined;
  #opening: Promise<void> | undefined;

  constructor(routes: Routes) {
    this.routes = routes;
    this.sources = new Sources(() => void this.#republish());
    this.#publisher = new Publisher({
      ingests: new IngestChoice({ home: new URL(routes.landing, location.href).href, own: routes.whip, list: routes.ingests }),
      changed: (state) => this.#changed(state),
      sampled: (rows, before) => this.#sampled(readOutbound(rows, before)),
    });
  }

  /** Takes up devices where the person has allowed them before; returns what ends everything. */
  attach(): () => void {
    if (!this.possible) {
      return () => undefined;
    }
    const detach = this.sources.attach(() => this.settings);
    const ends = new AbortController();
    const timer = setInterval(() => void this.#ask(ends.signal), factsInterval);
    void this.#openAllowed();
    return () => {
      ends.abort();
      clearInterval(timer);
      void this.#publisher.stop();
      detach();
    };
  }

  /** Opens everything that is chosen; the browser asks the person. */
  open(): Promise<void> {
    this.#opening ??= this.#open().finally(() => (this.#opening = undefined));
    return this.#opening;
  }

  /** Takes other choices, and does what follows from them at once. */
  choose(change: Partial<Settings>): void {
    const before = this.settings;
    this.settings = { ...before, ...change };
    memory.keepSettings(this.settings);
    const changed = (...names: readonly (keyof Settings)[]): boolean => names.some((name) => before[name] !== this.settings[name]);
    if (changed('picture', 'cameraId')) {
      void this.sources.openPicture(this.settings);
    } else if (changed('height', 'frameRate', 'content')) {
      void this.sources.resize(this.settings);
    } else if (changed('bitrate', 'codec', 'simulcast', 'keep')) {
      void this.#republish();
    }
    if (changed('microphone', 'microphoneId', 'cleanVoice')) {
      void this.sources.openSound(this.settings);
    }
  }

  /** Goes on air, as soon as what is chosen is open; says what is missing where that cannot be. */
  async start(): Promise<void> {
    this.complaint = whyNoKey(this.key.trim());
    if (this.complaint !== undefined) {
      return;
    }
    await this.#opening;
    await this.sources.settled();
    if (this.#published() === undefined) {
      await this.open();
    }
    const published = this.#published();
    if (published === undefined) {
      this.complaint = 'There is neither picture nor sound to send: turn on a camera, a screen or a microphone.';
    } else if (!this.onAir) {
      this.keepKey();
      this.#publisher.start(this.key.trim(), published);
    }
  }

  /** Goes off air. */
  stop(): void {
    void this.#publisher.stop();
  }

  /** Keeps the key on the device or forgets it, as the person wishes. */
  keepKey(): void {
    memory.keepKey(this.remember && this.stream !== undefined ? this.key.trim() : undefined);
  }

  async #open(): Promise<void> {
    // One question after the other: browsers show one at a time.
    await this.sources.openPicture(this.settings);
    await this.sources.openSound(this.settings);
  }

  #published(): Published | undefined {
    return publishedOf(this.settings, this.sources.video, this.sources.audio);
  }

  /** Where camera and microphone were allowed before, the preview is there without a click. */
  async #openAllowed(): Promise<void> {
    const { picture, microphone } = this.settings;
    const wanted = [...(picture === 'camera' ? ['camera'] : []), ...(microphone ? ['microphone'] : [])];
    try {
      const states = await Promise.all(wanted.map((name) => navigator.permissions.query({ name: name as PermissionName })));
      if (states.length > 0 && states.every(({ state }) => state === 'granted')) {
        await this.open();
      }
    } catch {
      // The browser does not tell: the person asks.
    }
  }

  async #republish(): Promise<void> {
    const published = this.#published();
    if (published !== undefined) {
      await this.#publisher.update(published);
    }
  }

  #changed(state: PublisherState): void {
    this.publishing = state;
    if (state.kind !== 'live') {
      this.outbound = undefined;
      this.#limit('none');
    }
    if (state.kind === 'idle' || state.kind === 'refused') {
      this.facts = undefined;
    }
  }

  #sampled(outbound: Outbound): void {
    this.outbound = outbound;
    this.#limit(worstLimitation(outbound));
  }

  #limit(limitation: Limitation): void {
    if (limitation === 'none') {
      this.#limitedSince = undefined;
    } else {
      this.#limitedSince ??= performance.now();
    }
    this.limitation = this.#limitedSince !== undefined && performance.now() - this.#limitedSince > limitPatience ? limitation : 'none';
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const { stream } = this;
    if (stream === undefined || !this.onAir) {
      return;
    }
    try {
      const facts = await fetchBroadcast(this.routes.stream(stream), this.key.trim(), signal);
      this.facts = this.onAir ? facts : undefined;
    } catch {
      // What was known stays.
    }
  }
}
