import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { BroadcastId } from '#core/media/frame.ts';
import { messageOf, MillraceError } from '#core/runtime/errors.ts';
import type { Logger } from '#core/runtime/log.ts';

import type { ArchivedBroadcast } from '../archive/archive.ts';
import { planDownload, type DownloadPlan } from './download-plan.ts';

/** Plans are kept up to so many bytes of tables: of two hours they are 5 MB. The newest one is kept whatever it has. */
const MAX_KEPT = 64 * 1024 * 1024;

/** Plans are made one at a time; so many more requests for others may wait. */
const MAX_QUEUED = 16;

/** Beside the recording's files: how long its download is, so that a list need not look at sample tables. */
const SIZE_FILE = 'download.json';

/** Sizes that are remembered of plans that are kept no longer. */
const MAX_SIZES = 4096;

type Kept = { readonly fingerprint: string; readonly plan: Promise<DownloadPlan | undefined>; bytes: number };

/** The downloads of recordings: planned when somebody asks, and kept for those who resume. */
export class Downloads {
  readonly #log: Logger;
  readonly #kept = new Map<BroadcastId, Kept>();
  readonly #sizes = new Map<BroadcastId, number>();
  #queue: Promise<unknown> = Promise.resolve();
  #queued = 0;

  constructor(log: Logger) {
    this.#log = log;
  }

  /**
   * The plan of a finished recording's download; undefined where nothing of it can be played.
   *
   * @throws {MillraceError} `recording/busy` where too many others are being planned; `recording/gone`, `media/malformed` where its files cannot be read.
   */
  plan(broadcast: ArchivedBroadcast): Promise<DownloadPlan | undefined> {
    const { id } = broadcast.facts;
    const fingerprint = fingerprintOf(broadcast);
    const known = this.#kept.get(id);
    if (known?.fingerprint === fingerprint) {
      // The one asked for last goes last.
      this.#kept.delete(id);
      this.#kept.set(id, known);
      return known.plan;
    }
    if (this.#queued >= MAX_QUEUED) {
      return Promise.reject(new MillraceError('recording/busy', 'Too many downloads are being prepared.'));
    }
    this.#queued++;
    const plan = this.#queue.then(() => planDownload(broadcast)).finally(() => this.#queued--);
    this.#queue = plan.catch(() => undefined);
    const kept: Kept = { fingerprint, plan, bytes: 0 };
    this.#kept.set(id, kept);
    plan.then(
      (made) => this.#made(broadcast, kept, made),
      () => this.#kept.get(id) === kept && this.#kept.delete(id),
    );
    return plan;
  }

  /** Bytes of the download as this process planned it last. */
  plannedSize(id: BroadcastId): number | undefined {
    return this.#sizes.get(id);
  }

  /** Bytes of the download as far as that is known without planning it. */
  async knownSize(broadcast: ArchivedBroadcast): Promise<number | undefined> {
    const fingerprint = fingerprintOf(broadcast);
    const known = this.#kept.get(broadcast.facts.id);
    if (known?.fingerprint === fingerprint && known.bytes > 0) {
      return (await known.plan)?.size;
    }
    try {
      const noted = JSON.parse(await readFile(join(broadcast.folder, SIZE_FILE), 'utf8')) as { size?: unknown; of?: unknown };
      return noted.of === fingerprint && typeof noted.size === 'number' ? noted.size : undefined;
    } catch {
      return undefined;
    }
  }

  #made(broadcast: ArchivedBroadcast, kept: Kept, plan: DownloadPlan | undefined): void {
    const { id, stream } = broadcast.facts;
    kept.bytes = (plan?.headSize ?? 0) + 200 * (plan?.segments.length ?? 0) + 1;
    let total = [...this.#kept.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    for (const [other, { bytes }] of this.#kept) {
      if (total <= MAX_KEPT || other === id) {
        break;
      }
      this.#kept.delete(other);
      total -= bytes;
    }
    if (plan === undefined) {
      return;
    }
    if (this.#sizes.size >= MAX_SIZES) {
      this.#sizes.clear();
    }
    this.#sizes.set(id, plan.size);
    const { leftOut } = plan;
    if (leftOut.video > 0 || leftOut.audio > 0) {
      this.#log.warn({ stream, recording: id, leftOut }, 'The download leaves out seconds of another codec than the rest');
    }
    writeFile(join(broadcast.folder, SIZE_FILE), JSON.stringify({ of: kept.fingerprint, size: plan.size })).catch((error: unknown) => {
      this.#log.debug({ recording: id, error: messageOf(error) }, 'The size of a download is not noted');
    });
  }
}

/** Differs between two states of a recording whose downloads would differ. Rises with the form of the download. */
function fingerprintOf({ facts, tracks }: ArchivedBroadcast): string {
  const sizes = [...tracks.values()].map(({ track, segments }) => `${track}:${segments.length}:${segments[0]?.group}:${segments.at(-1)?.group}`);
  return `1 ${facts.id} ${facts.bytes} ${sizes.sort().join(' ')}`;
}
