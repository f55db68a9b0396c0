import { parseMediaPlaylist } from '#test/support/m3u8/parse-media-playlist.ts';
import { textOf, type Ask } from './ask.ts';
import { resolve, shortName, type Answer } from './observation.ts';
import type { Report } from './report.ts';

const ORIGIN = { Origin: 'https://elsewhere.example' };

/** Asks how playlists are answered: multivariant or media. */
export async function probePlaylistAnswers(url: string, ask: Ask, report: Report): Promise<void> {
  const where = shortName(url);
  const check = (holds: boolean, message: () => string): void => report.check('http-playlist', holds, where, message);
  const packed = await ask(url, { headers: { ...ORIGIN, 'Accept-Encoding': 'gzip' } });
  check(packed.status === 200, () => `answered with ${packed.status}`);
  check(/^(application\/vnd\.apple\.mpegurl|audio\/mpegurl)\b/i.test(packed.headers['content-type'] ?? ''), () => `is of the type ${packed.headers['content-type']}`);
  check(packed.headers['content-encoding'] === 'gzip', () => `came as ${packed.headers['content-encoding'] ?? 'it is'} where gzip was wanted`);
  check(/accept-encoding/i.test(packed.headers['vary'] ?? ''), () => `Vary: ${packed.headers['vary']}`);
  const plain = await ask(url, { headers: { 'Accept-Encoding': 'identity' } });
  check(plain.headers['content-encoding'] === undefined, () => `came as ${plain.headers['content-encoding']} where that was not wanted`);
  check(packed.headers['access-control-allow-origin'] === '*', () => 'may not be read by pages of other origins');
  checkExposed(packed, check);
  const life = lifeOf(packed);
  check(life !== undefined && life <= 2, () => `Cache-Control: ${packed.headers['cache-control']}`);
  const head = await ask(url, { method: 'HEAD' });
  check(head.status === 200 && head.bytes.length === 0 && head.headers['content-type'] === plain.headers['content-type'], () => `HEAD answered with ${head.status} and ${head.bytes.length} bytes`);
}

/** Asks how an init segment, a segment and a part of a media playlist are answered. */
export async function probeMediaAnswers(url: string, ask: Ask, report: Report): Promise<void> {
  const playlist = parseMediaPlaylist(textOf(await ask(url)));
  // Neither the oldest nor the newest: it stays while it is asked for.
  const segment = playlist.segments.filter(({ uri, gap }) => uri !== undefined && !gap).at(-2);
  for (const uri of [segment?.map?.uri, segment?.uri, segment?.parts[0]?.uri]) {
    if (uri !== undefined) {
      await probeFile(resolve(url, uri), ask, report);
    }
  }
}

async function probeFile(url: string, ask: Ask, report: Report): Promise<void> {
  const check = (holds: boolean, message: () => string): void => report.check('http-media', holds, shortName(url), message);
  const whole = await ask(url, { headers: ORIGIN });
  const size = whole.bytes.length;
  check(whole.status === 200 && Number(whole.headers['content-length']) === size, () => `answered with ${whole.status}, Content-Length ${whole.headers['content-length']} of ${size}`);
  check(/\bimmutable\b/.test(whole.headers['cache-control'] ?? '') && (lifeOf(whole) ?? 0) >= 60, () => `Cache-Control: ${whole.headers['cache-control']}`);
  check(whole.headers['access-control-allow-origin'] === '*', () => 'may not be read by pages of other origins');
  checkExposed(whole, check);
  const head = await ask(url, { method: 'HEAD' });
  check(head.status === 200 && head.bytes.length === 0 && Number(head.headers['content-length']) === size, () => `HEAD answered with ${head.status} and Content-Length ${head.headers['content-length']}`);
  for (const [range, from, to] of [['bytes=0-9', 0, 10], ['bytes=10-', 10, size], ['bytes=-5', size - 5, size]] as const) {
    const part = await ask(url, { headers: { Range: range } });
    const right = Buffer.from(part.bytes).equals(Buffer.from(whole.bytes.subarray(from, to)));
    check(part.status === 206 && right && part.headers['content-range'] === `bytes ${from}-${to - 1}/${size}`, () => `${range} was answered with ${part.status}, ${part.headers['content-range']}, ${part.bytes.length} bytes`);
  }
  const outside = await ask(url, { headers: { Range: `bytes=${size}-` } });
  check(outside.status === 416 && outside.headers['content-range'] === `bytes */${size}`, () => `a range past the end was answered with ${outside.status}, ${outside.headers['content-range']}`);
}

function checkExposed({ headers }: Answer, check: (holds: boolean, message: () => string) => void): void {
  const exposed = (headers['access-control-expose-headers'] ?? '').toLowerCase().split(/\s*,\s*/);
  // Players measure their distance from the live edge by these (contract).
  check(['date', 'age'].every((name) => exposed.includes(name)), () => `Access-Control-Expose-Headers: ${headers['access-control-expose-headers']}`);
}

/** Seconds for which a cache may answer; undefined where it is not said. */
function lifeOf({ headers }: Answer): number | undefined {
  const control = headers['cache-control'] ?? '';
  const age = /\b(?:s-maxage|max-age)=(\d+)/.exec(control)?.[1];
  return /\bno-(store|cache)\b/.test(control) ? 0 : age === undefined ? undefined : Number(age);
}
