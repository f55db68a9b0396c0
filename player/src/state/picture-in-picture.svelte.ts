/** The picture in a small window of its own. */
export class PictureInPicture {
  active = $state(false);
  supported = $state(false);
  #video: HTMLVideoElement | undefined;

  attach(video: HTMLVideoElement): () => void {
    this.#video = video;
    this.supported = document.pictureInPictureEnabled === true;
    const entered = (): void => {
      this.active = true;
    };
    const left = (): void => {
      this.active = false;
    };
    video.addEventListener('enterpictureinpicture', entered);
    video.addEventListener('leavepictureinpicture', left);
    return () => {
      video.removeEventListener('enterpictureinpicture', entered);
      video.removeEventListener('leavepictureinpicture', left);
    };
  }

  toggle(): void {
    // Without a picture yet, or without a gesture, the browser refuses: nothing changes.
    const change: Promise<unknown> | undefined = this.active ? document.exitPictureInPicture() : this.#video?.requestPictureInPicture();
    void change?.catch(() => undefined);
  }
}
