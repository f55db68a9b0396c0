/** What a stream's newest media playlist at an edge says. */
export type Newest = { readonly sequence: number; readonly ended: boolean };

/** Newest segment of a stream's first variant at an edge; undefined where it cannot be had now. */
export async function newestOf(edge: string, stream: string): Promise<Newest | undefined> {
  try {
    const master = `${edge}/live/${stream}/master.m3u8`;
    const variant = (await text(master)).split('\n').find((line) => line !== '' && !line.startsWith('#'));
    if (variant === undefined) {
      return undefined;
    }
    const playlist = await text(new URL(variant, master).href);
    const first = Number(/^#EXT-X-MEDIA-SEQUENCE:(\d+)/m.exec(playlist)?.[1]);
    return { sequence: first + (playlist.match(/^#EXTINF/gm) ?? []).length, ended: playlist.includes('#EXT-X-ENDLIST') };
  } catch {
    return undefined;
  }
}

/** Watches a stream at an edge as a player does, request after request, until told to stop; gives how many playlists came. */
export function watchStream(edge: string, stream: string): { stop(): Promise<number> } {
  const ended = new AbortController();
  const watching = (async () => {
    let playlists = 0;
    while (!ended.signal.aborted) {
      if ((await newestOf(edge, stream)) !== undefined) {
        playlists += 1;
      }
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
    return playlists;
  })();
  return {
    stop: () => {
      ended.abort();
      return watching;
    },
  };
}

async function text(url: string): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(8000) });
  if (!response.ok) {
    throw new Error(`${url}: ${response.status}`);
  }
  return response.text();
}
