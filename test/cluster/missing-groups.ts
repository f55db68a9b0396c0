/** Groups that an edge offers as gaps, over the renditions of a stream: EXT-X-GAP in its media playlists. 0 where the stream cannot be asked for now. */
export async function missingGroups(edge: string, stream: string): Promise<number> {
  const text = async (url: string): Promise<string> => {
    const response = await fetch(url, { signal: AbortSignal.timeout(8000) });
    return response.ok ? response.text() : '';
  };
  const master = `${edge}/live/${stream}/master.m3u8`;
  const playlists = [...(await text(master)).matchAll(/^(?!#)(\S+\.m3u8\S*)$|URI="([^"]+\.m3u8[^"]*)"/gm)].map(([, variant, media]) => new URL(variant ?? media ?? '', master).href);
  const counts = await Promise.all([...new Set(playlists)].map(async (url) => ((await text(url)).match(/^#EXT-X-GAP/gm) ?? []).length));
  return counts.reduce((sum, count) => sum + count, 0);
}
