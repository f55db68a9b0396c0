/** Codecs that the server takes, in the order of preference: H.264 can be passed on to every viewer, over HLS too. */
export const videoCodecs = ['h264', 'vp8', 'vp9', 'av1'] as const;

/** A codec of the picture. */
export type VideoCodec = (typeof videoCodecs)[number];

/** As much of an `RTCRtpCodec` as choosing needs. */
export type CodecCapability = { readonly mimeType: string; readonly sdpFmtpLine?: string };

/** The codecs that this browser sends, in the order of {@link videoCodecs}. */
export function sendableCodecs(capabilities: readonly CodecCapability[]): readonly VideoCodec[] {
  return videoCodecs.filter((codec) => capabilities.some((capability) => is(capability, codec)));
}

/**
 * What to offer, best first, for `setCodecPreferences`. The server takes H.264 wherever it is offered, so another choice is
 * offered alone; H.264 has VP8 behind it, which every browser sends. Empty where the browser has none of it: then it offers
 * what it likes.
 */
export function codecsToOffer<C extends CodecCapability>(capabilities: readonly C[], preferred: VideoCodec): C[] {
  const chosen = capabilities.filter((capability) => is(capability, preferred)).sort((a, b) => rank(b) - rank(a));
  const behind = preferred === 'h264' ? capabilities.filter((capability) => is(capability, 'vp8')) : [];
  // The packets of all of them are sent again under this one.
  const repair = capabilities.filter(({ mimeType }) => mimeType.toLowerCase() === 'video/rtx');
  return chosen.length + behind.length === 0 ? [] : [...chosen, ...behind, ...repair];
}

function is({ mimeType }: CodecCapability, codec: VideoCodec): boolean {
  return mimeType.toLowerCase() === `video/${codec}`;
}

/** Constrained Baseline in pieces of any size (RFC 6184, packetization-mode 1) is what every browser plays. */
function rank({ sdpFmtpLine = '' }: CodecCapability): number {
  return (/packetization-mode=1/.test(sdpFmtpLine) ? 2 : 0) + (/profile-level-id=42e0/i.test(sdpFmtpLine) ? 1 : 0);
}
