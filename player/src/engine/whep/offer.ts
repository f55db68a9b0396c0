/**
 * Asks for Opus in stereo (RFC 7587, 7.1: without `stereo=1` a receiver is taken to prefer mono). Leaves an offer without Opus as it is.
 */
export function withStereo(sdp: string): string {
  const payload = /^a=rtpmap:(\d+) opus\/48000\/2\r?$/im.exec(sdp)?.[1];
  if (payload === undefined) {
    return sdp;
  }
  const parameters = new RegExp(`^(a=fmtp:${payload} )([^\\r\\n]*)`, 'm');
  return parameters.test(sdp)
    ? sdp.replace(parameters, (line, head: string, rest: string) => (/(^|;)\s*stereo=/.test(rest) ? line : `${head}${rest};stereo=1`))
    : sdp.replace(new RegExp(`^(a=rtpmap:${payload} [^\\r\\n]*)(\\r?\\n)`, 'm'), `$1$2a=fmtp:${payload} stereo=1$2`);
}

/**
 * Puts the picture into a media stream of its own (`a=msid`, RFC 8830). What is in one stream is played in step by browsers, at the cost of the
 * one that comes sooner.
 */
export function apart(sdp: string): string {
  return sdp
    .split(/^(?=m=)/m)
    .map((section) => (section.startsWith('m=video') ? section.replaceAll(/^(a=(?:ssrc:\d+ )?msid:)\S+/gm, '$1picture') : section))
    .join('');
}
