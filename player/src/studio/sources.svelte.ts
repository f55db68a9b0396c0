import { captureFailure } from './capture/capture-error.ts';
import type { CaptureFailure } from './capture/capture-error.ts';
import { listDevices } from './capture/device-list.ts';
import type { Devices } from './capture/device-list.ts';
import { openCamera, openMicrophone, openScreen } from './capture/open-devices.ts';
import { SoundMix } from './capture/sound-mix.ts';
import type { Loudness } from './capture/sound-mix.ts';
import type { Settings } from './settings.ts';

/** Picture and sound as they are taken: what is shown in the preview, and sent. */
export class Sources {
  devices = $state.raw<Devices>({ cameras: [], microphones: [] });
  video = $state.raw<MediaStreamTrack>();
  /** The sound to send: microphone, screen, or both. */
  audio = $state.raw<MediaStreamTrack>();
  loudness = $state.raw<Loudness>({ level: 0, peak: 0 });
  pictureProblem = $state<CaptureFailure>();
  soundProblem = $state<CaptureFailure>();
  opening = $state(false);
  /** A camera that shows oneself is shown as a mirror would; what is sent is not. */
  mirrored = $state(false);
  /** The screen gives sound too. */
  hearsScreen = $state(false);
  readonly #changed: () => void;
  readonly #mix = new SoundMix();
  #microphone: MediaStreamTrack | undefined;
  #screenSound: MediaStreamTrack | undefined;
  #work: Promise<unknown> = Promise.resolve();
  /** Counts up with each opening, so that one that was overtaken is thrown away. */
  #turns = { picture: 0, sound: 0 };

  /** @param changed - called when other tracks are to be sent */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** Follows devices that come and go, and the loudness; returns what ends it and closes everything. */
  attach(settings: () => Settings): () => void {
    const ends = new AbortController();
    const { signal } = ends;
    navigator.mediaDevices.addEventListener('devicechange', () => void this.#devicesChanged(settings()), { signal });
    const meter = setInterval(() => (this.loudness = this.#mix.loudness()), 80);
    void this.refresh();
    return () => {
      ends.abort();
      clearInterval(meter);
      this.close();
    };
  }

  /** Lists the devices anew. */
  async refresh(): Promise<void> {
    try {
      this.devices = await listDevices();
    } catch {
      // The list stays as it was.
    }
  }

  /** Resolves when nothing is being opened any more. */
  async settled(): Promise<void> {
    let work: Promise<unknown>;
    do {
      work = this.#work;
      await work;
    } while (work !== this.#work);
  }

  /** Opens the picture that is chosen, in place of the one there is. */
  openPicture(settings: Settings): Promise<void> {
    return this.#waitedFor(this.#openPicture(settings));
  }

  /** Opens the microphone that is chosen, in place of the one there is. */
  openSound(settings: Settings): Promise<void> {
    return this.#waitedFor(this.#openSound(settings));
  }

  /** Asks the open camera or screen for another size and speed. */
  async resize(settings: Settings): Promise<void> {
    const { height, frameRate } = settings;
    this.#hint(settings);
    try {
      const lines = settings.picture === 'screen' ? { height: { max: height } } : { height: { ideal: height }, width: { ideal: Math.round((height * 16) / 9) } };
      await this.video?.applyConstraints({ ...lines, frameRate: { ideal: frameRate } });
    } catch {
      await this.openPicture(settings);
    }
    this.#changed();
  }

  /** Lets all devices go. */
  close(): void {
    this.#turns = { picture: this.#turns.picture + 1, sound: this.#turns.sound + 1 };
    [this.video, this.#microphone, this.#screenSound].forEach((track) => track?.stop());
    [this.video, this.audio, this.#microphone, this.#screenSound] = [undefined, undefined, undefined, undefined];
    void this.#mix.close();
  }

  #waitedFor(work: Promise<void>): Promise<void> {
    this.#work = Promise.allSettled([this.#work, work]);
    return work;
  }

  async #openPicture(settings: Settings): Promise<void> {
    const turn = (this.#turns.picture += 1);
    this.pictureProblem = undefined;
    this.opening = true;
    try {
      const opened = await takePicture(settings);
      if (turn !== this.#turns.picture) {
        opened.forEach((track) => track?.stop());
        return;
      }
      this.#setPicture(opened[0], settings);
      this.#setScreenSound(opened[1]);
    } catch (error) {
      if (turn === this.#turns.picture) {
        this.#setPicture(undefined, settings);
        this.#setScreenSound(undefined);
        this.pictureProblem = captureFailure(error, settings.picture === 'screen' ? 'screen' : 'device');
      }
    } finally {
      if (turn === this.#turns.picture) {
        this.opening = false;
        this.#mixed(settings);
      }
    }
    await this.refresh();
  }

  async #openSound(settings: Settings): Promise<void> {
    const turn = (this.#turns.sound += 1);
    this.soundProblem = undefined;
    let opened: MediaStreamTrack | undefined;
    try {
      opened = settings.microphone ? await openMicrophone(settings.microphoneId, settings.cleanVoice) : undefined;
    } catch (error) {
      if (turn === this.#turns.sound) {
        this.soundProblem = captureFailure(error, 'device');
      }
    }
    if (turn !== this.#turns.sound) {
      opened?.stop();
      return;
    }
    this.#microphone?.stop();
    this.#microphone = opened;
    if (opened !== undefined) {
      opened.contentHint = settings.cleanVoice ? 'speech' : 'music';
      opened.addEventListener('ended', () => this.#microphone === opened && void this.openSound(settings));
    }
    this.#mixed(settings);
    await this.refresh();
  }

  #setPicture(track: MediaStreamTrack | undefined, settings: Settings): void {
    this.video?.stop();
    this.video = track;
    this.mirrored = settings.picture === 'camera' && track?.getSettings().facingMode !== 'environment';
    this.#hint(settings);
    // Unplugged, or ended by the browser's own "Stop sharing".
    track?.addEventListener('ended', () => {
      if (this.video === track) {
        this.#setPicture(undefined, settings);
        this.#setScreenSound(undefined);
        this.pictureProblem = settings.picture === 'screen' ? 'cancelled' : 'missing';
        this.#mixed(settings);
        void this.#devicesChanged(settings);
      }
    });
  }

  #hint({ picture, content }: Settings): void {
    if (this.video !== undefined) {
      this.video.contentHint = picture === 'screen' && content === 'detail' ? 'detail' : 'motion';
    }
  }

  #setScreenSound(track: MediaStreamTrack | undefined): void {
    this.#screenSound?.stop();
    this.#screenSound = track;
    this.hearsScreen = track !== undefined;
  }

  #mixed(settings: Settings): void {
    const tracks = [this.#microphone, this.#screenSound].filter((track) => track !== undefined);
    this.audio = this.#mix.take(tracks);
    if (this.audio !== undefined && tracks.length > 1) {
      this.audio.contentHint = settings.cleanVoice && !this.hearsScreen ? 'speech' : 'music';
    }
    this.#changed();
  }

  /** A device that was lost is replaced by another; the chosen one is taken again when it returns. */
  async #devicesChanged(settings: Settings): Promise<void> {
    await this.refresh();
    const returned = (devices: Devices['cameras'], wanted: string | undefined, track: MediaStreamTrack | undefined): boolean =>
      devices.length > 0 && (track === undefined || (wanted !== undefined && track.getSettings().deviceId !== wanted && devices.some(({ id }) => id === wanted)));
    if (settings.picture === 'camera' && this.pictureProblem !== 'denied' && returned(this.devices.cameras, settings.cameraId, this.video) && (this.video ?? this.pictureProblem) !== undefined) {
      await this.openPicture(settings);
    }
    if (settings.microphone && this.soundProblem !== 'denied' && (this.#microphone ?? this.soundProblem) !== undefined && returned(this.devices.microphones, settings.microphoneId, this.#microphone)) {
      await this.openSound(settings);
    }
  }
}

async function takePicture(settings: Settings): Promise<readonly [video: MediaStreamTrack | undefined, sound: MediaStreamTrack | undefined]> {
  switch (settings.picture) {
    case 'camera':
      return [await openCamera(settings.cameraId, settings), undefined];
    case 'screen': {
      const { video, audio } = await openScreen(settings);
      return [video, audio];
    }
    case 'none':
      return [undefined, undefined];
  }
}
