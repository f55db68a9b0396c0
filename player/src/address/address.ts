/** Which way the picture comes, as `?engine=` may ask; `auto` takes the best that works here. */
export type EngineChoice = 'auto' | 'webrtc' | 'hls' | 'dash';

/** What a page's own address says. */
export type PageAddress = {
  /** Absolute path of Millrace's root with a closing slash: `/` or, behind a proxy, for instance `/live-tv/`. */
  readonly base: string;
  readonly page: 'landing' | 'watch' | 'embed' | 'recordings';
  /** The stream's name, or the recording's id; empty on the landing page. */
  readonly stream: string;
  readonly engine: EngineChoice;
  /** Where the viewer says to be, as the servers' regions are called. */
  readonly region?: string | undefined;
};

const playingPage = /^(.*\/)(watch|embed|recordings)\/([^/]+)\/?$/;

/** Reads base path, page, stream and engine from an address, so that the built files need not know their base path. */
export function parseAddress(pathname: string, search: string): PageAddress {
  const query = new URLSearchParams(search);
  const engine = parseEngine(query.get('engine'));
  const region = parseRegion(query.get('region'));
  const match = playingPage.exec(pathname);
  if (match?.[1] !== undefined && match[3] !== undefined) {
    return { base: match[1], page: match[2] as PageAddress['page'], stream: decode(match[3]), engine, region };
  }
  return { base: pathname.slice(0, pathname.lastIndexOf('/') + 1) || '/', page: 'landing', stream: '', engine, region };
}

/** A name taken from a path segment; one that is no valid percent-encoding stands for itself. */
function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

function parseRegion(value: string | null): string | undefined {
  return value === null || !/^[\w.-]{1,64}$/.test(value) ? undefined : value;
}

function parseEngine(value: string | null): EngineChoice {
  return value === 'webrtc' || value === 'hls' || value === 'dash' ? value : 'auto';
}

/** The server's URLs below a base path (the public contract). */
export class Routes {
  readonly #base: string;

  /** Takes the absolute path of the root, with a closing slash. */
  constructor(base: string) {
    this.#base = base;
  }

  get landing(): string {
    return this.#base;
  }

  /** Where broadcasts are made. */
  get studio(): string {
    return `${this.#base}studio`;
  }

  get time(): string {
    return `${this.#base}time`;
  }

  get streams(): string {
    return `${this.#base}api/v1/streams`;
  }

  get whip(): string {
    return `${this.#base}whip`;
  }

  /** Servers that take broadcasts. */
  get ingests(): string {
    return `${this.#base}api/v1/ingests`;
  }

  watch(stream: string): string {
    return `${this.#base}watch/${encodeURIComponent(stream)}`;
  }

  embed(stream: string): string {
    return `${this.#base}embed/${encodeURIComponent(stream)}`;
  }

  dash(stream: string): string {
    return `${this.#base}live/${encodeURIComponent(stream)}/manifest.mpd`;
  }

  hls(stream: string): string {
    return `${this.#base}live/${encodeURIComponent(stream)}/master.m3u8`;
  }

  /** Multivariant playlist of the rewind window. */
  rewind(stream: string): string {
    return `${this.#base}live/${encodeURIComponent(stream)}/rewind.m3u8`;
  }

  /** The newest picture of a stream on air, small or large. */
  picture(stream: string, kind: 'thumbnail' | 'poster'): string {
    return `${this.#base}live/${encodeURIComponent(stream)}/${kind}.jpg`;
  }

  /** Storyboard of a broadcast on air. */
  storyboard(stream: string, broadcast: string): string {
    return `${this.#base}live/${encodeURIComponent(stream)}/${encodeURIComponent(broadcast)}/storyboard.vtt`;
  }

  /** Page of a recording, and what lies below it: `master.m3u8`, `download.mp4`, `storyboard.vtt`, ... */
  recording(id: string, file?: string): string {
    const page = `${this.#base}recordings/${encodeURIComponent(id)}`;
    return file === undefined ? page : `${page}/${file}`;
  }

  /** The same for a recording that another server keeps; `root`: that server's. */
  keptAt(root: string | undefined): Routes {
    return root === undefined ? this : new Routes(root);
  }

  get recordings(): string {
    return `${this.#base}api/v1/recordings`;
  }

  whep(stream: string): string {
    return `${this.#base}whep/${encodeURIComponent(stream)}`;
  }

  stream(stream: string): string {
    return `${this.streams}/${encodeURIComponent(stream)}`;
  }

  events(stream: string): string {
    return `${this.stream(stream)}/events`;
  }
}
