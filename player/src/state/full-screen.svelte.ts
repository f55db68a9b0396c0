/** An iPhone's video, which goes full screen alone and not with its controls. */
type PhoneVideo = HTMLVideoElement & { webkitEnterFullscreen?: () => void; webkitSupportsFullscreen?: boolean };

/** Full screen of the player with its controls, or of the picture alone where there is nothing else. */
export class FullScreen {
  active = $state(false);
  supported = $state(false);
  #frame: HTMLElement | undefined;
  #video: PhoneVideo | undefined;

  attach(frame: HTMLElement, video: HTMLVideoElement): () => void {
    this.#frame = frame;
    this.#video = video;
    this.supported = document.fullscreenEnabled || 'webkitEnterFullscreen' in video;
    const changed = (): void => {
      this.active = document.fullscreenElement === frame;
    };
    document.addEventListener('fullscreenchange', changed);
    return () => document.removeEventListener('fullscreenchange', changed);
  }

  toggle(): void {
    if (this.active) {
      void document.exitFullscreen().catch(() => undefined);
    } else if (document.fullscreenEnabled) {
      // A refusal (no gesture, an iframe without permission) leaves all as it is.
      void this.#frame?.requestFullscreen({ navigationUI: 'hide' }).catch(() => undefined);
    } else {
      this.#video?.webkitEnterFullscreen?.();
    }
  }
}
