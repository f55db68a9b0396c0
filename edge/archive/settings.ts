import { parseStreamKey } from '#core/access/stream-key.ts';
import type { StreamName } from '#core/bus/catalog.ts';
import { millis, type Millis } from '#core/media/time.ts';

import type { EdgeConfig } from '../config.ts';

/** The settings of the archive. */
export type ArchiveConfig = Pick<
  EdgeConfig,
  'dataDir' | 'streams' | 'rewindWindow' | 'rewindMaxMegabytes' | 'recording' | 'recordingDays' | 'recordingGigabytes' | 'archiveMinFreeMegabytes'
>;

/** What is kept of a stream's broadcasts. */
export type StreamKeeping = { readonly rewind: Millis; readonly isRecorded: boolean };

/** What is kept of a stream's broadcasts: its own settings before those for all, the demo's never recorded. */
export function keepingOf(stream: StreamName, config: ArchiveConfig, neverRecorded: readonly StreamName[]): StreamKeeping {
  const own = config.streams.find(({ key }) => parseStreamKey(key)?.stream === stream);
  return {
    rewind: millis((own?.rewindWindow ?? config.rewindWindow) * 1000),
    isRecorded: (own?.recording ?? config.recording) && !neverRecorded.includes(stream),
  };
}
