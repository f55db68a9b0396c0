/*
 * Runs in the page. Appends what it is given to a <video>, one piece after the other, and plays it from end to end.
 */
globalThis.appendAndPlay = async function appendAndPlay({ tracks, start, rate }) {
  const video = document.querySelector('video');
  const source = new MediaSource();
  video.src = URL.createObjectURL(source);
  await once(source, 'sourceopen');

  // Before there is anything to decode: a seek afterwards would decode the first pictures twice.
  video.currentTime = start;
  const buffers = tracks.map((track) => source.addSourceBuffer(track.mime));
  const ranges = [];
  await Promise.all(
    tracks.map(async (track, at) => {
      const buffer = buffers[at];
      ranges[at] = [];
      for (const piece of track.pieces) {
        buffer.appendBuffer(Uint8Array.fromBase64(piece));
        await once(buffer, 'updateend');
        ranges[at].push(list(buffer.buffered));
      }
    }),
  );
  source.endOfStream();
  video.playbackRate = rate;
  video.muted = true;
  let stalls = 0;
  video.addEventListener('waiting', () => stalls++);
  if (video.readyState < HTMLMediaElement.HAVE_ENOUGH_DATA) {
    await once(video, 'canplaythrough');
  }
  stalls = 0;
  await video.play();
  await once(video, 'ended');
  return {
    ranges,
    stalls,
    error: video.error === null ? null : video.error.message,
    endedAt: video.currentTime,
    decoded: video.getVideoPlaybackQuality().totalVideoFrames,
    size: [video.videoWidth, video.videoHeight],
  };

  /** Waits for an event, or throws what the video complains of. */
  function once(target, type) {
    return new Promise((resolve, reject) => {
      target.addEventListener(type, resolve, { once: true });
      target.addEventListener('error', () => reject(new Error(`error event: ${video.error?.message ?? type}`)), { once: true });
      video.addEventListener('error', () => reject(new Error(video.error?.message)), { once: true });
    });
  }

  function list(buffered) {
    return Array.from({ length: buffered.length }, (_, i) => [buffered.start(i), buffered.end(i)]);
  }
};
