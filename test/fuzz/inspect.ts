import { parseMediaPlaylist } from '#test/support/m3u8/parse-media-playlist.ts';

/** What a stream that was broadcast by broken publishers looks like to a viewer. */
export type Inspection = {
  readonly playlists: number;
  /** Playlists that cannot be read or contradict themselves; segments that are listed and cannot be had. */
  readonly faults: readonly string[];
};

/** Reads every media playlist of some streams, and every whole segment that they list. A stream that is off air has none. */
export async function inspect(server: string, streams: readonly string[]): Promise<Inspection> {
  const faults: string[] = [];
  let playlists = 0;
  for (const stream of streams) {
    const master = await fetch(`${server}/live/${stream}/master.m3u8`);
    const uris = master.ok ? [...(await master.text()).matchAll(/(?:^|URI=")([a-z0-9]+\/[a-z0-9-]+)\/index\.m3u8/gm)].map(([, track = '']) => track) : [];
    for (const track of new Set(uris)) {
      playlists += 1;
      const base = `${server}/live/${stream}/${track}`;
      try {
        await inspectTrack(base, faults);
      } catch (error) {
        faults.push(`${base}: ${String(error)}`);
      }
    }
  }
  return { playlists, faults };
}

async function inspectTrack(base: string, faults: string[]): Promise<void> {
  const answer = await fetch(`${base}/index.m3u8`, { signal: AbortSignal.timeout(10_000) });
  if (answer.status === 503) {
    // Nothing whole was ever given out: who asks waits for it, in vain.
    return;
  }
  const { segments, targetDuration } = parseMediaPlaylist(await answer.text());
  for (const { uri, gap, duration, msn } of segments) {
    if (Math.round(duration ?? 0) > targetDuration) {
      faults.push(`${base}: segment ${msn} of ${duration} s`);
    }
    const segment = gap || uri === undefined ? undefined : await fetch(`${base}/${uri}`);
    if (segment !== undefined && (!segment.ok || (await segment.arrayBuffer()).byteLength === 0)) {
      faults.push(`${base}/${uri}: ${segment.status}`);
    }
  }
}
