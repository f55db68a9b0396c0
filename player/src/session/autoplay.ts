/**
 * Starts an element, muted where the browser's autoplay policy asks for it. True when it plays; false when only a
 * gesture will do.
 */
export async function startPlaying(video: HTMLVideoElement): Promise<boolean> {
  if (await attempt(video)) {
    return true;
  }
  if (video.muted) {
    return false;
  }
  video.muted = true;
  return attempt(video);
}

/** False only where the policy refuses; a start that is overtaken by a new source is none of the viewer's business. */
async function attempt(video: HTMLVideoElement): Promise<boolean> {
  try {
    await video.play();
    return true;
  } catch (error) {
    return !(error instanceof DOMException && error.name === 'NotAllowedError');
  }
}
