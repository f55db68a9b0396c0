/** How often a picture is asked for while it is seen, milliseconds: the server makes a new one each five seconds at most. */
const interval = 10_000;

/** A picture that changes, asked for while its element is in sight and the page is seen, and never otherwise. */
export class LivePicture {
  /** URL of what is shown now; undefined while there is nothing. */
  source = $state<string>();
  readonly #url: () => string | undefined;

  /** `url`: where it is; undefined while there is none. */
  constructor(url: () => string | undefined) {
    this.#url = url;
  }

  /** Begins to look whether the element is in sight; returns what ends it. */
  watch(element: Element): () => void {
    const ends = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isInSight = false;
    const ask = async (): Promise<void> => {
      clearTimeout(timer);
      const url = this.#url();
      if (ends.signal.aborted || !isInSight || document.visibilityState !== 'visible') {
        return;
      }
      if (url !== undefined) {
        await this.#load(url, ends.signal);
      }
      clearTimeout(timer);
      timer = setTimeout(() => void ask(), interval);
    };
    const observer = new IntersectionObserver(([entry]) => {
      isInSight = entry?.isIntersecting ?? false;
      void ask();
    });
    observer.observe(element);
    document.addEventListener('visibilitychange', () => void ask(), { signal: ends.signal });
    return () => {
      ends.abort();
      clearTimeout(timer);
      observer.disconnect();
      this.#show(undefined);
    };
  }

  /** By fetch and not by the element: the same URL again would show the element's own copy. */
  async #load(url: string, signal: AbortSignal): Promise<void> {
    try {
      const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(8_000)]) });
      const picture = response.ok ? await response.blob() : undefined;
      if (!signal.aborted) {
        // What cannot be had just now leaves what is there, but not for a stream that has no picture.
        if (picture !== undefined || response.status === 404) {
          this.#show(picture);
        }
      }
    } catch {
      // The next one may come.
    }
  }

  #show(picture: Blob | undefined): void {
    const before = this.source;
    this.source = picture === undefined ? undefined : URL.createObjectURL(picture);
    if (before !== undefined) {
      // The element may still be reading it.
      setTimeout(() => URL.revokeObjectURL(before), 1_000);
    }
  }
}
