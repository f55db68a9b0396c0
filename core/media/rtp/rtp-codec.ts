/** Codecs that have an RTP payload format here: H.264 RFC 6184, VP8 RFC 7741, VP9 RFC 9628, AV1 its own specification, Opus RFC 7587. */
export type RtpCodec = 'h264' | 'vp8' | 'vp9' | 'av1' | 'opus';
