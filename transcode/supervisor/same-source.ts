import type { SourceCatalog, SourceTrack } from '#core/bus/catalog.ts';
import { configIdOf } from '#core/media/track.ts';

/** Tells whether two epochs' sources get the same ladder: what was measured of them may differ, what they are may not. */
export function sameSource(a: SourceCatalog, b: SourceCatalog): boolean {
  return a.grouping.mode === b.grouping.mode && a.tracks.length === b.tracks.length && a.tracks.every((track, at) => sameTrack(track, b.tracks[at]));
}

function sameTrack(a: SourceTrack, b: SourceTrack | undefined): boolean {
  return (
    b !== undefined &&
    a.name === b.name &&
    configIdOf(a.config) === configIdOf(b.config) &&
    a.video?.variableFrameRate === b.video?.variableFrameRate &&
    a.video?.bFrames === b.video?.bFrames
  );
}
