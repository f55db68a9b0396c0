/** Cameras, microphones and a screen that show and sound something; stands in for `navigator.mediaDevices`. */
export class FakeDevices extends EventTarget {
  /** What the browser says instead of giving a device. */
  refuses: string | undefined;
  /** What was asked for. */
  readonly asked: MediaStreamConstraints[] = [];
  cameras = ['c1', 'c2'];
  readonly tracks: MediaStreamTrack[] = [];
  readonly #context = new AudioContext();
  readonly #timers: ReturnType<typeof setInterval>[] = [];

  enumerateDevices(): Promise<Pick<MediaDeviceInfo, 'kind' | 'deviceId' | 'label'>[]> {
    const cameras = this.cameras.map((deviceId) => ({ kind: 'videoinput' as const, deviceId, label: `Camera ${deviceId}` }));
    return Promise.resolve([...cameras, { kind: 'audioinput', deviceId: 'm1', label: 'A microphone' }]);
  }

  getUserMedia(constraints: MediaStreamConstraints): Promise<MediaStream> {
    return this.#give(constraints);
  }

  getDisplayMedia(): Promise<MediaStream> {
    return this.#give({ video: true, audio: true });
  }

  close(): Promise<void> {
    this.#timers.forEach((timer) => clearInterval(timer));
    this.tracks.forEach((track) => track.stop());
    return this.#context.close();
  }

  #give(constraints: MediaStreamConstraints): Promise<MediaStream> {
    this.asked.push(constraints);
    if (this.refuses !== undefined) {
      return Promise.reject(new DOMException('refused', this.refuses));
    }
    const tracks = [...(constraints.video === undefined ? [] : [this.#picture()]), ...(constraints.audio === undefined ? [] : [this.#tone()])];
    this.tracks.push(...tracks);
    return Promise.resolve(new MediaStream(tracks));
  }

  #picture(): MediaStreamTrack {
    const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 360 });
    this.#timers.push(
      setInterval(() => {
        const context = canvas.getContext('2d');
        if (context !== null) {
          context.fillStyle = `hsl(${(performance.now() / 10) % 360} 80% 50%)`;
          context.fillRect(0, 0, 640, 360);
        }
      }, 50),
    );
    return only(canvas.captureStream(20).getVideoTracks());
  }

  #tone(): MediaStreamTrack {
    const tone = this.#context.createOscillator();
    const sink = this.#context.createMediaStreamDestination();
    tone.connect(sink);
    tone.start();
    return only(sink.stream.getAudioTracks());
  }
}

function only(tracks: readonly MediaStreamTrack[]): MediaStreamTrack {
  const [track] = tracks;
  if (track === undefined) {
    throw new Error('There is no track.');
  }
  return track;
}
