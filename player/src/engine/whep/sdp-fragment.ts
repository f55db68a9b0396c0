/** Lines that make up one generation of ICE (RFC 8839, 5). */
const iceLines = /^a=(ice-ufrag|ice-pwd|candidate|end-of-candidates)\b/;

/**
 * The fragment that restarts ICE (RFC 8840, 9; RFC 9725, 4.3.3): the new user fragment and password of a local offer, under
 * the first media of the bundle. Without candidates: the server learns our address from our checks.
 */
export function restartFragment(offer: string): string {
  const lines = offer.split(/\r?\n/);
  const first = (pattern: RegExp): string[] => lines.filter((line) => pattern.test(line)).slice(0, 1);
  return [
    ...first(/^a=ice-options:/),
    ...first(/^a=group:BUNDLE/),
    ...first(/^m=/),
    ...first(/^a=mid:/),
    ...first(/^a=ice-ufrag:/),
    ...first(/^a=ice-pwd:/),
    'a=end-of-candidates',
    '',
  ].join('\r\n');
}

/**
 * The server's description after its ICE restart: everything as before but for the user fragment, password and candidates, which are
 * the fragment's, in each media of the description.
 */
export function withFragment(description: string, fragment: string): string {
  const fresh = fragment.split(/\r?\n/).filter((line) => iceLines.test(line));
  const credentials = fresh.filter((line) => line.startsWith('a=ice-'));
  const candidates = [...new Set(fresh.filter((line) => !line.startsWith('a=ice-')))];
  const kept = description.split(/\r?\n/).filter((line) => line !== '' && !iceLines.test(line));
  const sections: string[][] = [[]];
  for (const line of kept) {
    if (line.startsWith('m=')) {
      sections.push([]);
    }
    sections.at(-1)?.push(line);
  }
  const [session = [], ...media] = sections;
  // Unbundled or refused media (port 0) have no ICE of their own; those of a bundle may all carry the same.
  const renewed = media.map((section) => (/^m=\S+ 0 /.test(section[0] ?? '') ? section : [...section, ...once(credentials), ...candidates]));
  return [...session, ...renewed.flat(), ''].join('\r\n');
}

/** One user fragment and one password: a fragment may name them for each of its media. */
function once(credentials: readonly string[]): string[] {
  return ['a=ice-ufrag:', 'a=ice-pwd:'].flatMap((start) => credentials.filter((line) => line.startsWith(start)).slice(0, 1));
}
