import type { ReachableNode } from '#core/placement/choose.ts';

import type { Steering } from './steering.ts';

/** How a player makes a pathway that its playlist does not have from one that it has. */
export type PathwayClone = {
  readonly 'BASE-ID': string;
  readonly 'ID': string;
  readonly 'URI-REPLACEMENT': {
    readonly 'HOST'?: string;
    readonly 'PER-VARIANT-URIS'?: Readonly<Record<string, string>>;
    readonly 'PER-RENDITION-URIS'?: Readonly<Record<string, string>>;
  };
};

/**
 * A clone for HLS. HOST is a host name and no more (hls.js writes it over the URL's, and cannot write a port there), so each media playlist is named by its stable id, the
 * track's name; HOST stands beside that where it says the same.
 */
export function cloneForHls({ stream, onAir, token }: Pick<Steering, 'stream' | 'onAir' | 'token'>, edge: ReachableNode, base: string, baseUrl: string | undefined): PathwayClone | undefined {
  const isAlike = baseUrl !== undefined && samePlaceButHost(baseUrl, edge.url);
  if (onAir === undefined && !isAlike) {
    return undefined;
  }
  const signed = token === undefined ? '' : `~${token}/`;
  const urisOf = (tracks: readonly string[]): Readonly<Record<string, string>> =>
    Object.fromEntries(tracks.map((track) => [track, `${edge.url}/live/${stream}/${signed}${onAir?.broadcast}/${track}/index.m3u8`]));
  const { video = [], audio = [] } = onAir ?? {};
  // Sound is a rendition beside pictures, and a variant by itself where there are none.
  const [variants, renditions] = video.length > 0 ? [video, audio] : [audio, []];
  return {
    'BASE-ID': base,
    'ID': edge.node,
    'URI-REPLACEMENT': {
      ...(isAlike ? { HOST: new URL(edge.url).hostname } : {}),
      ...(variants.length === 0 ? {} : { 'PER-VARIANT-URIS': urisOf(variants) }),
      ...(renditions.length === 0 ? {} : { 'PER-RENDITION-URIS': urisOf(renditions) }),
    },
  };
}

/**
 * A clone for DASH, which has HOST alone: with the port where it is not the scheme's own (dash.js takes the base's away), and with the scheme where that is another. The path stays that
 * of the base, so an edge below another base path cannot be reached this way.
 */
export function cloneForDash(edge: ReachableNode, base: string, baseUrl: string | undefined): PathwayClone | undefined {
  const to = new URL(edge.url);
  const from = baseUrl === undefined ? undefined : new URL(baseUrl);
  if ((from?.pathname ?? '/') !== to.pathname) {
    return undefined;
  }
  return { 'BASE-ID': base, 'ID': edge.node, 'URI-REPLACEMENT': { HOST: from?.protocol === to.protocol ? to.host : to.origin } };
}

function samePlaceButHost(a: string, b: string): boolean {
  const [from, to] = [new URL(a), new URL(b)];
  return from.protocol === to.protocol && from.port === to.port && from.pathname === to.pathname;
}
