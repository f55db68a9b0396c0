import { until } from '#test/support/until.ts';

/** What a viewer of an honest broadcast saw. */
export type Testimony = {
  readonly parts: number;
  readonly groups: number;
  /** Groups that a playlist left out, or marked as a gap; parts and segments that could not be had. */
  readonly missing: readonly string[];
  /** Milliseconds of the longest wait for an answer: a part's duration where nothing holds the server up. */
  readonly longestWait: number;
};

/** A viewer that watches by blocking reload. */
export type Witness = {
  readonly broadcast: string;
  finish(): Promise<Testimony>;
  [Symbol.asyncDispose](): Promise<void>;
};

/** Watches the video of a stream, fetching every part, and notes whatever is missing. */
export async function witness(server: string, stream: string): Promise<Witness> {
  const master = await until('the honest broadcast', async () => {
    const answer = await fetch(`${server}/live/${stream}/master.m3u8`);
    return answer.ok ? await answer.text() : undefined;
  });
  const path = /^([a-z0-9]+)\/(\S+)\/index\.m3u8$/m.exec(master);
  if (path === null) {
    throw new Error(`no media playlist in ${master}`);
  }
  const base = `${server}/live/${stream}/${path[1]}/${path[2]}`;
  const missing: string[] = [];
  const seen = new Set<string>();
  let groups = 0;
  let longestWait = 0;
  let stopped = false;

  const watch = async (): Promise<void> => {
    let query = '';
    let lastGroup: number | undefined;
    while (!stopped && missing.length < 100) {
      const asked = performance.now();
      const answer = await fetch(`${base}/index.m3u8${query}`);
      longestWait = Math.max(longestWait, performance.now() - asked);
      if (!answer.ok) {
        missing.push(`playlist: ${answer.status}`);
        query = '';
        continue;
      }
      const text = await answer.text();
      const sequence = Number(/#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1]);
      const newest = sequence + (text.match(/#EXTINF/g) ?? []).length;
      if (text.includes('#EXT-X-GAP') || text.includes('GAP=YES')) {
        missing.push(`gap in a playlist of ${newest}`);
      }
      if (lastGroup !== undefined && sequence > lastGroup) {
        missing.push(`jump from ${lastGroup} to ${sequence}`);
      }
      // Who was answered late finds whole segments where it expected parts.
      for (let group = lastGroup ?? newest; group + 1 < newest; group += 1) {
        const segment = await fetch(`${base}/${group}.m4s`);
        if (!segment.ok || (await segment.arrayBuffer()).byteLength === 0) {
          missing.push(`segment ${group}: ${segment.status}`);
        }
      }
      groups += lastGroup === undefined ? 0 : Math.max(0, newest - lastGroup);
      lastGroup = newest;
      for (const [, uri = ''] of text.matchAll(/#EXT-X-PART:.*?URI="([^"]+)"/g)) {
        if (!seen.has(uri)) {
          seen.add(uri);
          const part = await fetch(`${base}/${uri}`);
          if (!part.ok || (await part.arrayBuffer()).byteLength === 0) {
            missing.push(`part ${uri}: ${part.status}`);
          }
        }
      }
      const inProgress = (text.slice(Math.max(0, text.lastIndexOf('#EXTINF'))).match(/#EXT-X-PART:/g) ?? []).length;
      query = `?_HLS_msn=${newest}&_HLS_part=${inProgress}`;
    }
  };
  const watching = watch().catch((error: unknown) => missing.push(`the viewer failed: ${String(error)}`));
  const finish = async (): Promise<Testimony> => {
    stopped = true;
    await watching;
    return { parts: seen.size, groups, missing, longestWait: Math.round(longestWait) };
  };
  return {
    broadcast: path[1] ?? '',
    finish,
    [Symbol.asyncDispose]: async () => {
      await finish();
    },
  };
}
