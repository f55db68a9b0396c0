import { z } from 'zod';

import type { Bus } from '#core/bus/bus.ts';
import type { StreamName } from '#core/bus/catalog.ts';
import type { NodeId } from '#core/bus/node.ts';
import { millis, type Millis } from '#core/media/time.ts';
import type { Nodes } from '#core/placement/nodes.ts';
import { RECORDINGS_SUBJECT, type Recording, type RecordingsRequest } from '#core/recording/recording.ts';
import { MillraceError } from '#core/runtime/errors.ts';

/** What {@link RecordingKeepers} works with. */
export type KeepersOptions = {
  readonly bus: Pick<Bus, 'request'>;
  readonly nodes: Nodes | undefined;
  readonly node: NodeId | undefined;
};

/** What comes over the bus may come from another process: it is looked at before it is believed. */
const recordingSchema = z.object({
  id: z.string(),
  stream: z.string(),
  state: z.enum(['recording', 'finished', 'damaged']),
  startedAt: z.number(),
  endedAt: z.number().optional(),
  duration: z.number(),
  bytes: z.number(),
  downloadBytes: z.number().optional(),
  width: z.number().optional(),
  height: z.number().optional(),
  lostGroups: z.number(),
}) satisfies z.ZodObject<Record<keyof Recording, z.ZodType>>;

/** A recording, and where it is kept. */
export type KeptRecording = z.output<typeof recordingSchema> & {
  /** Base URL of the node that has it; undefined where that is this process. */
  readonly url?: string | undefined;
};

/** Whoever keeps recordings: a subject to ask, and where its URLs begin. */
type Keeper = { readonly subject: string; readonly node: NodeId | undefined; readonly url: string | undefined };

type Asked<T> = { readonly keeper: Keeper; readonly answer: T } | { readonly keeper: Keeper; readonly error: unknown };

/** One that does not answer in this time is left out. */
const TIMEOUT = millis(3000);
/** To remove a recording is to unlink its files, however many and large. */
const REMOVAL_TIMEOUT = millis(30_000);

/** Asks every process that keeps recordings, all at once, and makes one answer of theirs. */
export class RecordingKeepers {
  readonly #options: KeepersOptions;

  constructor(options: KeepersOptions) {
    this.#options = options;
  }

  /**
   * Every recording, newest first; `missing` names who keeps recordings and did not answer.
   *
   * @throws {MillraceError} what the last keeper's question was answered with, where none answered.
   */
  async list(stream: StreamName | undefined): Promise<{ readonly recordings: readonly KeptRecording[]; readonly missing: readonly NodeId[] }> {
    const schema = z.object({ recordings: z.array(recordingSchema) });
    const asked = await this.#ask(stream === undefined ? { do: 'list' } : { do: 'list', stream }, schema, TIMEOUT);
    const answers = asked.filter((one) => 'answer' in one);
    if (answers.length === 0 && asked.length > 0) {
      throw errorOf(asked);
    }
    const recordings = answers.flatMap(({ keeper, answer }) => answer.recordings.map((recording) => this.#kept(recording, keeper)));
    const missing = asked.flatMap((one) => ('error' in one ? (one.keeper.node ?? []) : []));
    return { recordings: [...bestOfEach(recordings)].sort((a, b) => b.startedAt - a.startedAt), missing };
  }

  /** One recording, from whoever has most of it. @throws {MillraceError} `recording/unknown`, or as {@link RecordingKeepers.list}. */
  async get(id: string): Promise<KeptRecording> {
    const asked = await this.#ask({ do: 'get', id }, recordingSchema, TIMEOUT);
    const found = asked.flatMap((one) => ('answer' in one ? [this.#kept(one.answer, one.keeper)] : []));
    const [best] = bestOfEach(found);
    if (best === undefined) {
      throw errorOf(asked);
    }
    return best;
  }

  /** Removes a recording wherever it is kept. @throws {MillraceError} as {@link RecordingKeepers.get}, `recording/in-progress`. */
  async remove(id: string): Promise<void> {
    const asked = await this.#ask({ do: 'remove', id }, z.unknown(), REMOVAL_TIMEOUT);
    const isGone = asked.some((one) => 'answer' in one);
    // Whoever does not know it has nothing to remove; whoever did not answer may have it yet.
    const error = asked.some((one) => 'error' in one && codeOf(one.error) !== 'recording/unknown') || !isGone ? errorOf(asked) : undefined;
    if (error !== undefined) {
      throw error;
    }
  }

  #kept(recording: z.output<typeof recordingSchema>, { url }: Keeper): KeptRecording {
    return { ...recording, url };
  }

  #keepers(): readonly Keeper[] {
    const { nodes, node: own } = this.#options;
    const archives = nodes?.list().filter(({ edge }) => edge?.archive === true) ?? [];
    const keepers = archives.map(({ node, url }) => ({ subject: `${RECORDINGS_SUBJECT}/${node}`, node, url: node === own ? undefined : url }));
    // Among many it is nothing unusual that none of them keeps anything.
    return nodes === undefined ? [{ subject: RECORDINGS_SUBJECT, node: undefined, url: undefined }] : keepers;
  }

  #ask<T>(request: RecordingsRequest, schema: z.ZodType<T>, timeout: Millis): Promise<readonly Asked<T>[]> {
    const { bus } = this.#options;
    return Promise.all(
      this.#keepers().map(async (keeper) => {
        try {
          return { keeper, answer: schema.parse(await bus.request(keeper.subject, request, { timeout })) };
        } catch (error) {
          return { keeper, error };
        }
      }),
    );
  }
}

/** Two that keep the same broadcast have each their own of it: the one that has most counts. */
function bestOfEach(recordings: readonly KeptRecording[]): Iterable<KeptRecording> {
  const best = new Map<string, KeptRecording>();
  for (const recording of recordings) {
    const before = best.get(recording.id);
    if (before === undefined || before.duration < recording.duration) {
      best.set(recording.id, recording);
    }
  }
  return best.values();
}

/** What to say where nobody gave what was wanted: that it is unknown only where all said so. */
function errorOf(asked: readonly Asked<unknown>[]): unknown {
  const errors = asked.flatMap((one) => ('error' in one ? [one.error] : []));
  return errors.find((error) => codeOf(error) !== 'recording/unknown') ?? errors[0] ?? new MillraceError('recording/unknown', 'There is no such recording: nobody keeps any.');
}

function codeOf(error: unknown): string | undefined {
  return error instanceof MillraceError ? error.code : undefined;
}
