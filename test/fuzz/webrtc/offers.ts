import type { Fingerprint, IceCredentials } from '#core/rtc/transport.ts';

/** Header extensions that {@link peerOffer} offers, by id. */
export const EXTENSION_IDS = { mid: 1, rid: 2, repairedRid: 3, transportCc: 4, absSendTime: 5 } as const;

/** Payload types that {@link peerOffer} offers. */
export const PAYLOAD_TYPES = { vp8: 96, rtx: 97, opus: 111, h264: 108, h264Rtx: 109 } as const;

/** What {@link peerOffer} is to say. */
export type PeerOfferOptions = {
  readonly ice: IceCredentials;
  readonly fingerprint: Fingerprint;
  readonly direction: 'recvonly' | 'sendonly';
  /** Layers of simulcast that are offered. Default: none. */
  readonly rids?: readonly string[];
  /** The server is to learn of the network by transport-wide feedback, by REMB, or not at all. */
  readonly feedback: 'transport-cc' | 'goog-remb' | 'none';
};

/** An offer as a browser makes it, for a peer of a campaign. */
export function peerOffer({ ice, fingerprint, direction, rids = [], feedback }: PeerOfferOptions): string {
  const kinds = [...(feedback === 'none' ? [] : [feedback]), 'nack', 'nack pli', 'ccm fir'];
  const transport = [
    'c=IN IP4 0.0.0.0',
    `a=ice-ufrag:${ice.ufrag}`,
    `a=ice-pwd:${ice.pwd}`,
    `a=fingerprint:${fingerprint.algorithm} ${fingerprint.value}`,
    'a=setup:actpass',
    `a=${direction}`,
    'a=rtcp-mux',
    'a=rtcp-rsize',
    `a=extmap:${EXTENSION_IDS.mid} urn:ietf:params:rtp-hdrext:sdes:mid`,
    `a=extmap:${EXTENSION_IDS.rid} urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id`,
    `a=extmap:${EXTENSION_IDS.repairedRid} urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id`,
    ...(feedback === 'transport-cc' ? [`a=extmap:${EXTENSION_IDS.transportCc} http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01`] : []),
    `a=extmap:${EXTENSION_IDS.absSendTime} http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time`,
  ];
  const feedbackOf = (type: number): string[] => kinds.map((kind) => `a=rtcp-fb:${type} ${kind}`);
  const { vp8, rtx, opus, h264, h264Rtx } = PAYLOAD_TYPES;
  return [
    'v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 't=0 0', 'a=group:BUNDLE v a',
    `m=video 9 UDP/TLS/RTP/SAVPF ${vp8} ${rtx} ${h264} ${h264Rtx}`, ...transport, 'a=mid:v',
    `a=rtpmap:${vp8} VP8/90000`, ...feedbackOf(vp8), `a=rtpmap:${rtx} rtx/90000`, `a=fmtp:${rtx} apt=${vp8}`,
    `a=rtpmap:${h264} H264/90000`, ...feedbackOf(h264), `a=fmtp:${h264} level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f`,
    `a=rtpmap:${h264Rtx} rtx/90000`, `a=fmtp:${h264Rtx} apt=${h264}`,
    ...(rids.length === 0 ? [] : [...rids.map((rid) => `a=rid:${rid} send`), `a=simulcast:send ${rids.join(';')}`]),
    `m=audio 9 UDP/TLS/RTP/SAVPF ${opus}`, ...transport, 'a=mid:a', `a=rtpmap:${opus} opus/48000/2`, ...(feedback === 'transport-cc' ? [`a=rtcp-fb:${opus} transport-cc`] : []),
    '',
  ].join('\r\n');
}

/** Where an answer says that the server is, and how it is recognised. */
export type ServerEnd = { readonly remote: IceCredentials; readonly fingerprint: Fingerprint; readonly ssrcs: readonly number[] };

/** Reads what a peer needs of an answer. */
export function readAnswer(answer: string): ServerEnd {
  const value = (name: string): string => new RegExp(`^a=${name}:(.*?)\\r?$`, 'm').exec(answer)?.[1] ?? '';
  const [algorithm = '', print = ''] = value('fingerprint').split(' ');
  return {
    remote: { ufrag: value('ice-ufrag'), pwd: value('ice-pwd') },
    fingerprint: { algorithm, value: print },
    ssrcs: [...new Set([...answer.matchAll(/^a=ssrc:(\d+)/gm)].map(([, ssrc]) => Number(ssrc)))],
  };
}
