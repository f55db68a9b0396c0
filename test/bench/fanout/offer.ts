import type { Fingerprint, IceCredentials } from '#core/rtc/transport.ts';

/** Ids of the header extensions that a sink offers. */
export const TRANSPORT_CC_ID = 4;

/** What a sink needs of an answer. */
export type SinkAnswer = {
  readonly remote: IceCredentials;
  readonly fingerprint: Fingerprint;
  readonly port: number;
  readonly videoSsrc: number;
  readonly audioSsrc: number;
};

/** An offer as a browser makes it, with the one format of each kind that is needed here. */
export function sinkOffer(local: IceCredentials, fingerprint: Fingerprint): string {
  const transport = [
    'c=IN IP4 0.0.0.0',
    `a=ice-ufrag:${local.ufrag}`,
    `a=ice-pwd:${local.pwd}`,
    `a=fingerprint:${fingerprint.algorithm} ${fingerprint.value}`,
    'a=setup:actpass',
    'a=recvonly',
    'a=rtcp-mux',
    'a=rtcp-rsize',
    'a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
    `a=extmap:${TRANSPORT_CC_ID} http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01`,
    'a=extmap:9 urn:ietf:params:rtp-hdrext:sdes:mid',
  ];
  const feedback = (type: number, kinds: readonly string[]): string[] => kinds.map((kind) => `a=rtcp-fb:${type} ${kind}`);
  return [
    'v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 't=0 0', 'a=group:BUNDLE 0 1',
    'm=video 9 UDP/TLS/RTP/SAVPF 108 109', ...transport, 'a=mid:0',
    'a=rtpmap:108 H264/90000', ...feedback(108, ['transport-cc', 'ccm fir', 'nack', 'nack pli']),
    'a=fmtp:108 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f',
    'a=rtpmap:109 rtx/90000', 'a=fmtp:109 apt=108',
    'm=audio 9 UDP/TLS/RTP/SAVPF 111', ...transport, 'a=mid:1',
    'a=rtpmap:111 opus/48000/2', ...feedback(111, ['transport-cc']), 'a=fmtp:111 minptime=10;useinbandfec=1',
    '',
  ].join('\r\n');
}

/** Reads what is needed. @throws {Error} where it is not there. */
export function readAnswer(text: string): SinkAnswer {
  const find = (pattern: RegExp, among = text): readonly string[] => {
    const match = pattern.exec(among);
    if (match === null) {
      throw new Error(`the answer has no ${pattern.source}:\n${text}`);
    }
    return match.slice(1);
  };
  const [, ...sections] = text.split(/^m=/m);
  const ssrcOf = (kind: string): number => {
    const section = sections.find((one) => one.startsWith(kind));
    return section === undefined || !section.includes('a=ssrc:') ? 0 : Number(find(/^a=ssrc:(\d+) /m, section)[0]);
  };
  const [algorithm = '', value = ''] = find(/^a=fingerprint:(\S+) (\S+)/m);
  return {
    remote: { ufrag: find(/^a=ice-ufrag:(\S+)/m)[0] ?? '', pwd: find(/^a=ice-pwd:(\S+)/m)[0] ?? '' },
    fingerprint: { algorithm, value },
    port: Number(find(/^a=candidate:\S+ 1 udp \d+ \S+ (\d+) typ host/im)[0]),
    videoSsrc: ssrcOf('video'),
    audioSsrc: ssrcOf('audio'),
  };
}
