/** A still is taken away after this at the latest, milliseconds: a picture that hangs for longer should be seen to hang. */
const longest = 3_000;

/**
 * Covers an element with the frame that it shows, until it shows the first one of another source: changing the source would turn it
 * black in between. Does nothing where there is no frame, or where the browser cannot say when the next one comes.
 */
export function holdStill(video: HTMLVideoElement): void {
  if (video.videoWidth === 0 || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA || !('requestVideoFrameCallback' in video)) {
    return;
  }
  const canvas = document.createElement('canvas');
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext('2d')?.drawImage(video, 0, 0);
  canvas.setAttribute('aria-hidden', 'true');
  Object.assign(canvas.style, { position: 'absolute', inset: '0', width: '100%', height: '100%', objectFit: 'contain', pointerEvents: 'none' });
  video.after(canvas);
  const clear = (): void => canvas.remove();
  setTimeout(clear, longest);
  // The frame that is there now may be told of once more: only what comes after the source was taken away counts.
  video.addEventListener('emptied', () => video.requestVideoFrameCallback(clear), { once: true });
}
