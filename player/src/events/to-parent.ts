import { METADATA_EVENT } from './metadata.ts';
import type { TimedMessage } from './timed-message.ts';

/** What a page that frames `/embed/<stream>` gets by `message`. */
export type ParentMessage = TimedMessage & { readonly millrace: 'metadata'; readonly stream: string };

/** The window of the page that frames this one. */
type Parent = { postMessage(message: unknown, origin: string): void };

/**
 * Tells the page that frames this one of each message, when its frame is shown. What is told is what the stream tells every viewer, so any
 * page that may frame us may have it.
 *
 * @returns stops it; idempotent
 */
export function tellParent(stream: string, parent: Parent = globalThis.parent): () => void {
  if (parent === globalThis.window) {
    return () => undefined;
  }
  const tell = (event: Event): void => {
    const message: ParentMessage = { millrace: 'metadata', stream, ...(event as CustomEvent<TimedMessage>).detail };
    parent.postMessage(message, '*');
  };
  document.addEventListener(METADATA_EVENT, tell);
  return () => document.removeEventListener(METADATA_EVENT, tell);
}
