import { aacConfig } from '#core/media/codecs/aac/audio-specific-config.ts';
import { sampleData, sortAccessUnit, type AccessUnit } from '#core/media/codecs/h264/access-unit.ts';
import { h264Config, parseAvcC } from '#core/media/codecs/h264/avcc.ts';
import { splitAnnexB, splitLengthPrefixed, type LengthSize } from '#core/media/codecs/h264/nal-unit.ts';
import { parseAudioTag } from '#core/media/containers/flv/audio-tag.ts';
import { parseOnMetaData, parseTimedScript } from '#core/media/containers/flv/script-data.ts';
import { parseVideoTag } from '#core/media/containers/flv/video-tag.ts';
import { elapsed, wallTime, type Clock } from '#core/media/time.ts';
import { MillraceError } from '#core/runtime/errors.ts';

import type { SourceConfig, SourceSink } from '../source.ts';
import { ParameterSets, sameBytes } from './parameter-sets.ts';

/** What the adapter asks of its session. */
export type ToSourceOptions = {
  readonly sink: SourceSink;
  readonly clock: Clock;
  /** The publisher sends what cannot be taken, and no other message of it can help. `reason` is shown to the broadcaster. */
  readonly refuse: (reason: string) => void;
  /** A message was dropped. */
  readonly dropped: (kind: 'video' | 'audio' | 'data') => void;
};

/** Decoder configurations that a publisher may change to at once, and in each second: each makes a new epoch. */
const MAX_CHANGES = 64;
const CHANGES_PER_SECOND = 4;
/** Consecutive media messages that cannot be read, after which the publisher is sent away. */
const HOPELESS = 300;
const START_CODE = 1;

/** Turns the media messages of one publisher into samples and configurations for its sink. */
export class ToSource {
  readonly #options: ToSourceOptions;
  readonly #sets = new ParameterSets();
  readonly #warned = new Set<string>();
  #lengthSize: LengthSize = 4;
  #videoDescription: Uint8Array | undefined;
  #audioDescription: Uint8Array | undefined;
  #unreadable = 0;
  /** Changes of configuration that are allowed now, as of an instant. */
  #changes = { left: MAX_CHANGES, at: wallTime(0) };

  constructor(options: ToSourceOptions) {
    this.#options = options;
  }

  /** A video message: timestamp in unsigned 32-bit milliseconds, payload owned by this call. Never throws. */
  video(timestamp: number, payload: Uint8Array): void {
    this.#guarded('video', () => {
      const tag = parseVideoTag(payload);
      switch (tag.type) {
        case 'sequence-start':
          this.#videoHeader(tag.data);
          break;
        case 'frame':
          this.#accessUnit(timestamp, tag.compositionTime, tag.data);
          break;
        case 'unsupported':
          this.#unsupported(tag.what);
          break;
        case 'sequence-end':
        case 'other':
      }
    });
  }

  /** An audio message, as {@link video}. */
  audio(timestamp: number, payload: Uint8Array): void {
    this.#guarded('audio', () => {
      const tag = parseAudioTag(payload);
      switch (tag.type) {
        case 'sequence-start':
          this.#audioHeader(tag.data);
          break;
        case 'frame':
          this.#audioFrame(timestamp, tag.data);
          break;
        case 'unsupported':
          this.#unsupported(tag.what);
          break;
        case 'sequence-end':
        case 'other':
      }
    });
  }

  /** A data message in AMF0. Never throws. */
  data(payload: Uint8Array): void {
    this.#guarded('data', () => {
      const claims = parseOnMetaData(payload);
      if (claims !== undefined) {
        this.#options.sink.metadata(claims);
        return;
      }
      const script = parseTimedScript(payload);
      if (script !== undefined) {
        this.#options.sink.message({ type: `rtmp.${script.name.toLowerCase()}`, data: script.data });
      }
    });
  }

  #videoHeader(record: Uint8Array): void {
    const { lengthSize, sps, pps } = parseAvcC(record);
    this.#lengthSize = lengthSize;
    if (sps.length > 0 && pps.length > 0) {
      this.#sets.clear();
    }
    this.#sets.update(sps, pps);
    this.#announceVideo();
  }

  #accessUnit(timestamp: number, compositionOffset: number, data: Uint8Array): void {
    const unit = sortAccessUnit(this.#split(data));
    if (this.#sets.update(unit.sps, unit.pps)) {
      this.#announceVideo();
    }
    if (!unit.picture) {
      return;
    }
    if (this.#videoDescription === undefined) {
      this.#drop('video', 'rtmp/no-video-configuration', 'Pictures came before their sequence header and were dropped.');
      return;
    }
    const sample = this.#keepsAll(unit, data) ? data : sampleData(unit);
    this.#options.sink.sample({ kind: 'video', timestamp, compositionOffset, key: unit.idr, data: sample, arrival: this.#options.clock() });
  }

  /**
   * Some encoders put Annex B into FLV. Its first start code reads as a length of 1, which then does not work out. The
   * 3-byte start code is not looked for: it reads as a length that a truncated access unit may well have.
   */
  #split(data: Uint8Array): Uint8Array[] {
    try {
      return splitLengthPrefixed(data, this.#lengthSize);
    } catch (error) {
      const annexB = data[0] === 0 && data[1] === 0 && data[2] === 0 && data[3] === START_CODE;
      if (!annexB) {
        throw error;
      }
      this.#warn('rtmp/annex-b', 'The encoder sends H.264 with start codes where FLV wants lengths. It is converted.');
      return splitAnnexB(data);
    }
  }

  /** True where nothing was taken out and the lengths are of 4 bytes already: the usual case, which then costs no copy. */
  #keepsAll(unit: AccessUnit, data: Uint8Array): boolean {
    return this.#lengthSize === 4 && unit.units.reduce((sum, nal) => sum + 4 + nal.length, 0) === data.length && unit.units[0]?.byteOffset === data.byteOffset + 4;
  }

  #announceVideo(): void {
    if (!this.#sets.complete) {
      return;
    }
    const { config } = h264Config(this.#sets);
    if (!sameBytes(config.description, this.#videoDescription)) {
      this.#videoDescription = config.description;
      this.#change(config);
    }
  }

  #audioHeader(bytes: Uint8Array): void {
    let config;
    try {
      config = aacConfig(bytes);
    } catch (error) {
      if (error instanceof MillraceError && error.code === 'media/unsupported') {
        this.#unsupported(`a kind of AAC that is not taken (${error.message})`);
        return;
      }
      throw error;
    }
    if (!sameBytes(config.description, this.#audioDescription)) {
      this.#audioDescription = config.description;
      this.#change(config);
    }
  }

  #change(config: SourceConfig): void {
    const now = this.#options.clock();
    const gained = (Math.max(0, elapsed(this.#changes.at, now)) * CHANGES_PER_SECOND) / 1000;
    this.#changes = { left: Math.min(MAX_CHANGES, this.#changes.left + gained) - 1, at: now };
    if (this.#changes.left < 0) {
      this.#options.refuse('The encoder changes its settings all the time, and each change interrupts viewers. Set a fixed resolution, profile and sample rate in it.');
      return;
    }
    this.#options.sink.config(config);
  }

  #audioFrame(timestamp: number, data: Uint8Array): void {
    if (data.length === 0) {
      return;
    }
    if (this.#audioDescription === undefined) {
      this.#drop('audio', 'rtmp/no-audio-configuration', 'Sound came before its sequence header and was dropped.');
      return;
    }
    this.#options.sink.sample({ kind: 'audio', timestamp, compositionOffset: 0, key: true, data, arrival: this.#options.clock() });
  }

  #unsupported(what: string): void {
    const message = `The encoder sends ${what}; this server takes H.264 video and AAC audio, one track of each. Choose these in the encoder's output settings.`;
    this.#warn('rtmp/unsupported-track', message);
    this.#options.refuse(message);
  }

  /** Runs the handling of one message: what cannot be read is dropped, and the broadcaster is told once. */
  #guarded(kind: 'video' | 'audio' | 'data', handle: () => void): void {
    try {
      handle();
      this.#unreadable = 0;
    } catch (error) {
      if (!(error instanceof MillraceError)) {
        throw error;
      }
      this.#drop(kind, `rtmp/malformed-${kind}`, `A ${kind} message could not be read and was dropped: ${error.message}.`);
      this.#unreadable += 1;
      if (this.#unreadable === HOPELESS) {
        this.#options.refuse(`${HOPELESS} media messages in a row could not be read, the last one because: ${error.message}.`);
      }
    }
  }

  #drop(kind: 'video' | 'audio' | 'data', code: string, message: string): void {
    this.#options.dropped(kind);
    this.#warn(code, message);
  }

  #warn(code: string, message: string): void {
    if (!this.#warned.has(code)) {
      this.#warned.add(code);
      this.#options.sink.warn(code, message);
    }
  }
}
