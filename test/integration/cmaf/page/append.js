/*
 * Runs in the page. Appends what it is given to a <video>, one piece after the other, and plays it from end to end; at a
 * rate of 0 it only appends.
 */
globalThis.appendAndPlay = async function appendAndPlay({ tracks, start, rate }) {
  const video = document.querySelector('video');
  const source = new MediaSource();
  video.src = URL.createObjectURL(source);
  await once(source, 'sourceopen');

  const buffers = tracks.map((track) => source.addSourceBuffer(track.mime));
  const ranges = tracks.map(() => []);
  const append = async (at, piece) => {
    buffers[at].appendBuffer(Uint8Array.fromBase64(piece));
    await once(buffers[at], 'updateend');
    ranges[at].push(list(buffers[at].buffered));
  };
  await Promise.all(
    tracks.map(async ({ pieces }, at) => {
      for (const piece of pieces) {
        await append(at, piece);
      }
    }),
  );
  if (rate === 0) {
    return { ranges };
  }
  source.endOfStream();
  video.currentTime = start;
  video.playbackRate = rate;
  video.muted = true;
  const ended = once(video, 'ended');
  await Promise.all([video.play(), ended]);
  return {
    ranges,
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
