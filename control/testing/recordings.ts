import type { Bus } from '#core/bus/bus.ts';
import type { NodeId } from '#core/bus/node.ts';
import { broadcastId } from '#core/media/frame.ts';
import { RECORDINGS_SUBJECT, type Recording, type RecordingsRequest } from '#core/recording/recording.ts';
import { MillraceError } from '#core/runtime/errors.ts';

/** A finished recording of `cam1`, for tests. */
export function recording(given: Partial<Recording> = {}): Recording {
  return {
    id: broadcastId('recording1'), stream: 'cam1', state: 'finished', startedAt: Date.UTC(2026, 0, 2), endedAt: Date.UTC(2026, 0, 2, 1), duration: 3_599_987.4, bytes: 2_000_000,
    downloadBytes: 1_900_000, width: 1280, height: 720, lostGroups: 0, ...given,
  };
}

/** Answers on the bus for some recordings, as their keeper does, of several that of `node`. Those that go on cannot be removed. */
export function serveRecordings(bus: Bus, kept: Recording[], node?: NodeId): void {
  bus.serve(node === undefined ? RECORDINGS_SUBJECT : `${RECORDINGS_SUBJECT}/${node}`, (payload) => {
    const request = payload as RecordingsRequest;
    if (request.do === 'list') {
      return { recordings: kept.filter(({ stream }) => request.stream === undefined || stream === request.stream) };
    }
    const at = kept.findIndex(({ id }) => id === request.id);
    const found = kept[at];
    if (found === undefined) {
      throw new MillraceError('recording/unknown', 'There is no such recording.');
    }
    if (request.do === 'get') {
      return found;
    }
    if (found.state === 'recording') {
      throw new MillraceError('recording/in-progress', 'The broadcast goes on.');
    }
    kept.splice(at, 1);
    return {};
  });
}
