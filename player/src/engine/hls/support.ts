/** What hls.js asks for: H.264 and AAC in fMP4, appended to a source buffer. */
const wanted = 'video/mp4; codecs="avc1.42E01E,mp4a.40.2"';

/** True where Media Source Extensions, or what stands for them on iPhones, can play our segments; asked without loading hls.js. */
export function canPlayHls(): boolean {
  const { ManagedMediaSource } = globalThis as { readonly ManagedMediaSource?: typeof MediaSource };
  const source = ManagedMediaSource ?? (globalThis as { readonly MediaSource?: typeof MediaSource }).MediaSource;
  return source?.isTypeSupported(wanted) ?? false;
}
