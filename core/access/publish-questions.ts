import type { StreamName } from '../bus/catalog.ts';

/** Subject of the bus under which whoever has the keys decides: a `PublishRequest`, answered with a `PublishDecision`. */
export const PUBLISH_DECIDE = 'publish/decide';

/** Subject of the bus under which the same tells whether a key is one of a stream: an {@link OpensRequest}, answered with a boolean. */
export const PUBLISH_OPENS = 'publish/opens';

/** Key of the shared values under which the names of all streams that somebody may publish stand: an array of strings. */
export const KNOWN_STREAMS = 'streams/known';

/** What is asked under {@link PUBLISH_OPENS}. The key is never logged. */
export type OpensRequest = { readonly key: string; readonly stream: StreamName; readonly address: string };
