import { readFileSync } from 'node:fs';
import { createFile, MP4BoxBuffer, type Sample } from 'mp4box';
import { readBoxes, type Box } from '#core/media/containers/fmp4/read-boxes.ts';

/** The samples of the only track of an MP4 file, as mp4box reads them, and the file's boxes. */
export function readMp4(path: string): { readonly samples: readonly Sample[]; readonly boxes: readonly Box[] } {
  const bytes = Uint8Array.from(readFileSync(path));
  const file = createFile(true);
  const samples: Sample[] = [];
  file.onSamples = (_id, _user, batch) => samples.push(...batch);
  file.onReady = (info) => {
    file.setExtractionOptions(info.tracks[0]?.id ?? 1, undefined, { nbSamples: 100_000 });
    file.start();
  };
  file.appendBuffer(MP4BoxBuffer.fromArrayBuffer(bytes.buffer, 0));
  file.flush();
  if (samples.length === 0) {
    throw new Error(`${path} has no samples`);
  }
  return { samples, boxes: readBoxes(bytes) };
}
