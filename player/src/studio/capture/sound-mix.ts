/** Loudness of the moment. */
export type Loudness = {
  /** Root mean square, 0 to 1 of full scale. */
  readonly level: number;
  /** The largest sample, 0 to 1: at 1 it is being cut off. */
  readonly peak: number;
};

/** Samples per look: 43 ms at 48 kHz. */
const window = 2_048;

/** Several sounds as one track, and how loud it is. */
export class SoundMix {
  #context: AudioContext | undefined;
  #analyser: AnalyserNode | undefined;
  #destination: MediaStreamAudioDestinationNode | undefined;
  #sources: readonly MediaStreamAudioSourceNode[] = [];
  readonly #samples = new Float32Array(window);

  /**
   * Takes these tracks in place of those before. Gives the track to send: where there is one, itself, for each further
   * hand it goes through delays it.
   */
  take(tracks: readonly MediaStreamTrack[]): MediaStreamTrack | undefined {
    this.#sources.forEach((source) => source.disconnect());
    this.#sources = [];
    if (tracks.length === 0) {
      return undefined;
    }
    const { context, analyser, destination } = this.#open();
    this.#sources = tracks.map((track) => {
      const source = context.createMediaStreamSource(new MediaStream([track]));
      source.connect(analyser);
      source.connect(destination);
      return source;
    });
    return tracks.length === 1 ? tracks[0] : destination.stream.getAudioTracks()[0];
  }

  /** How loud it is now. */
  loudness(): Loudness {
    if (this.#analyser === undefined || this.#sources.length === 0) {
      return { level: 0, peak: 0 };
    }
    // Contexts that were made before anybody touched the page begin asleep.
    if (this.#context?.state === 'suspended') {
      void this.#context.resume();
    }
    this.#analyser.getFloatTimeDomainData(this.#samples);
    let sum = 0;
    let peak = 0;
    for (const sample of this.#samples) {
      sum += sample * sample;
      peak = Math.max(peak, Math.abs(sample));
    }
    return { level: Math.sqrt(sum / window), peak };
  }

  async close(): Promise<void> {
    this.take([]);
    await this.#context?.close();
    [this.#context, this.#analyser, this.#destination] = [undefined, undefined, undefined];
  }

  #open(): { readonly context: AudioContext; readonly analyser: AnalyserNode; readonly destination: MediaStreamAudioDestinationNode } {
    const context = (this.#context ??= new AudioContext({ latencyHint: 'interactive' }));
    this.#analyser ??= new AnalyserNode(context, { fftSize: window });
    this.#destination ??= context.createMediaStreamDestination();
    return { context, analyser: this.#analyser, destination: this.#destination };
  }
}
