import { z } from 'zod';

import type { Bus, Unsubscribe } from '#core/bus/bus.ts';
import { isBroadcastId } from '#core/media/frame.ts';
import { RECORDINGS_SUBJECT, type Recording } from '#core/recording/recording.ts';
import { MillraceError } from '#core/runtime/errors.ts';

import type { Archive, ArchivedBroadcast, ArchivedFacts } from '../archive/archive.ts';
import type { Downloads } from './downloads.ts';

const requests = z.discriminatedUnion('do', [
  z.object({ do: z.literal('list'), stream: z.string().optional() }),
  z.object({ do: z.literal('get'), id: z.string() }),
  z.object({ do: z.literal('remove'), id: z.string() }),
]);

/** Who asks waits so long for what has to be worked out, in milliseconds: the size of the download of a half-hour takes less, so do the indexes of a hundred hours. */
const PATIENCE = 1500;

/** What is remembered of finished recordings that a list tells of: more than any list has shown so far. */
const MAX_REMEMBERED = 4096;

type More = Pick<Recording, 'width' | 'height' | 'downloadBytes'>;

/**
 * Answers on the bus what is asked of recordings.
 *
 * @param subject {@link RECORDINGS_SUBJECT}; among many nodes with `/<node>` behind it.
 */
export function serveRecordings(bus: Bus, archive: Archive, downloads: Downloads, subject: string = RECORDINGS_SUBJECT): Unsubscribe {
  const desk = new RecordingsDesk(archive, downloads);
  return bus.serve(subject, (payload) => {
    const asked = requests.safeParse(payload);
    if (!asked.success) {
      throw new MillraceError('recording/malformed', 'Recordings are listed, got or removed.');
    }
    switch (asked.data.do) {
      case 'list':
        return desk.list(asked.data.stream);
      case 'get':
        return desk.get(asked.data.id);
      case 'remove':
        return desk.remove(asked.data.id);
    }
  });
}

class RecordingsDesk {
  readonly #archive: Archive;
  readonly #downloads: Downloads;
  readonly #known = new Map<string, More>();

  constructor(archive: Archive, downloads: Downloads) {
    this.#archive = archive;
    this.#downloads = downloads;
  }

  async list(stream: string | undefined): Promise<{ readonly recordings: readonly Recording[] }> {
    const recordings: Recording[] = [];
    const until = performance.now() + PATIENCE;
    for (const facts of this.#archive.recordings(stream)) {
      // Of hundreds that were never looked at, the rest is told the next time.
      const more = this.#knownOf(facts) ?? (performance.now() < until ? await this.#more(facts) : {});
      recordings.push(recordingOf(facts, more));
    }
    return { recordings };
  }

  async get(id: string): Promise<Recording> {
    const broadcast = isBroadcastId(id) ? await this.#archive.find(id) : undefined;
    if (broadcast === undefined || !broadcast.facts.isRecording) {
      throw unknown();
    }
    const more = await this.#more(broadcast.facts);
    if (more.downloadBytes !== undefined || broadcast.facts.state !== 'finished') {
      return recordingOf(broadcast.facts, more);
    }
    const { promise: late, resolve } = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => resolve(undefined), PATIENCE);
    const plan = await Promise.race([this.#downloads.plan(broadcast).catch(() => undefined), late]);
    clearTimeout(timer);
    return recordingOf(broadcast.facts, { ...more, ...(plan === undefined ? {} : { downloadBytes: plan.size }) });
  }

  async remove(id: string): Promise<Record<string, never>> {
    if (!isBroadcastId(id)) {
      throw unknown();
    }
    await this.#archive.remove(id);
    this.#known.delete(id);
    return {};
  }

  /** Without a look at the disk. */
  #knownOf({ id, state }: ArchivedFacts): More | undefined {
    const known = state === 'finished' ? this.#known.get(id) : undefined;
    const downloadBytes = known?.downloadBytes ?? this.#downloads.plannedSize(id);
    return known === undefined || downloadBytes === undefined ? known : { ...known, downloadBytes };
  }

  /** What only the index knows. Looked up once for a recording that is finished. */
  async #more(facts: ArchivedFacts): Promise<More> {
    const { id, state } = facts;
    const known = this.#knownOf(facts);
    if (known !== undefined) {
      return known;
    }
    // A list waits for nobody who reads recordings by the dozen.
    const broadcast = await this.#archive.find(id).catch(() => undefined);
    if (broadcast === undefined) {
      return {};
    }
    const downloadBytes = state === 'finished' ? await this.#downloads.knownSize(broadcast) : undefined;
    const more = { ...pictureOf(broadcast), ...(downloadBytes === undefined ? {} : { downloadBytes }) };
    if (state === 'finished') {
      if (this.#known.size >= MAX_REMEMBERED) {
        this.#known.clear();
      }
      this.#known.set(id, more);
    }
    return more;
  }
}

/** Size of the best picture: of what each track had last. */
function pictureOf({ tracks }: ArchivedBroadcast): More {
  let best: More = {};
  for (const track of tracks.values()) {
    const newest = track.segments.at(-1);
    const config = newest && track.config(newest.config);
    if (config?.kind === 'video' && config.width * config.height > (best.width ?? 0) * (best.height ?? 0)) {
      best = { width: config.width, height: config.height };
    }
  }
  return best;
}

function recordingOf(facts: ArchivedFacts, more: More): Recording {
  const { id, stream, state, startedAt, endedAt, duration, bytes, lostGroups } = facts;
  return { id, stream, state: state === 'open' ? 'recording' : state, startedAt, ...(endedAt === undefined ? {} : { endedAt }), duration, bytes, ...more, lostGroups };
}

function unknown(): MillraceError {
  return new MillraceError('recording/unknown', 'There is no recording of this id.');
}
