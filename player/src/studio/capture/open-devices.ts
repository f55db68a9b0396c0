/** Size and speed to ask a device for. */
export type PictureWish = { readonly height: number; readonly frameRate: number };

/** What a screen gives: sound only where the browser and the person let it. */
export type SharedScreen = { readonly video: MediaStreamTrack; readonly audio: MediaStreamTrack | undefined };

/** Screen Capture, 5.4 and the Chromium options beside it: tabs and whole systems can be heard where this is said. */
type ScreenOptions = DisplayMediaStreamOptions & { readonly systemAudio?: 'include'; readonly surfaceSwitching?: 'include'; readonly selfBrowserSurface?: 'exclude' };

/** Browsers give devices to pages over TLS and on localhost only. */
export function canCapture(): boolean {
  return isSecureContext && 'mediaDevices' in navigator && 'RTCPeerConnection' in globalThis;
}

/** Phones have no screen sharing. */
export function canShareScreen(): boolean {
  return canCapture() && 'getDisplayMedia' in navigator.mediaDevices;
}

/**
 * Opens a camera, any where none is named or the named one is gone.
 *
 * @throws DOMException - see capture-error.ts
 */
export async function openCamera(deviceId: string | undefined, wish: PictureWish): Promise<MediaStreamTrack> {
  const size = { height: { ideal: wish.height }, width: { ideal: Math.round((wish.height * 16) / 9) }, frameRate: { ideal: wish.frameRate } };
  const stream = await withFallback(deviceId, (device) => navigator.mediaDevices.getUserMedia({ video: { ...size, ...device } }));
  return first(stream.getVideoTracks());
}

/**
 * Opens a microphone, any where none is named or the named one is gone.
 *
 * @param clean - for a voice: without echo and noise, at an even level. Otherwise as it sounds, in stereo.
 * @throws DOMException - see capture-error.ts
 */
export async function openMicrophone(deviceId: string | undefined, clean: boolean): Promise<MediaStreamTrack> {
  const quality = { echoCancellation: clean, noiseSuppression: clean, autoGainControl: clean, ...(clean ? {} : { channelCount: { ideal: 2 } }) };
  const stream = await withFallback(deviceId, (device) => navigator.mediaDevices.getUserMedia({ audio: { ...quality, ...device } }));
  return first(stream.getAudioTracks());
}

/**
 * Asks which screen, window or tab to share.
 *
 * @throws DOMException - see capture-error.ts
 */
export async function openScreen(wish: PictureWish): Promise<SharedScreen> {
  const options: ScreenOptions = {
    // No larger than asked for: a screen of 5 million pixels is more than most encoders carry.
    video: { height: { max: wish.height }, frameRate: { ideal: wish.frameRate } },
    audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
    systemAudio: 'include',
    surfaceSwitching: 'include',
    selfBrowserSurface: 'exclude',
  };
  const stream = await navigator.mediaDevices.getDisplayMedia(options);
  return { video: first(stream.getVideoTracks()), audio: stream.getAudioTracks()[0] };
}

async function withFallback(deviceId: string | undefined, open: (device: MediaTrackConstraints) => Promise<MediaStream>): Promise<MediaStream> {
  if (deviceId === undefined) {
    return open({});
  }
  try {
    return await open({ deviceId: { exact: deviceId } });
  } catch (error) {
    if (error instanceof DOMException && (error.name === 'NotFoundError' || error.name === 'OverconstrainedError')) {
      return open({});
    }
    // OverconstrainedError is no DOMException everywhere.
    if (error instanceof Error && error.name === 'OverconstrainedError') {
      return open({});
    }
    throw error;
  }
}

function first(tracks: readonly MediaStreamTrack[]): MediaStreamTrack {
  const [track] = tracks;
  if (track === undefined) {
    throw new DOMException('The device gave nothing.', 'NotReadableError');
  }
  return track;
}
