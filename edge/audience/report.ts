import type { Bus } from '#core/bus/bus.ts';
import type { BroadcastId } from '#core/media/frame.ts';
import type { WallTime } from '#core/media/time.ts';

import type { Directory } from '../llhls/directory.ts';
import type { Audience } from './audience.ts';

/** What the report joins. */
export type ReportOptions = { readonly bus: Bus; readonly audience: Audience; readonly directory: Directory };

/** Writes the catalog section `audience` of every broadcast on air. */
export class AudienceReport {
  readonly #options: ReportOptions;
  readonly #written = new Map<BroadcastId, string>();

  constructor(options: ReportOptions) {
    this.#options = options;
  }

  /** Forgets who has left and tells what changed. Call it about once a second. */
  write(now: WallTime): void {
    const { bus, audience, directory } = this.#options;
    audience.expire(now);
    const windows = directory.windows;
    for (const { info } of windows) {
      if (info.state === 'ended') {
        continue;
      }
      const viewers = audience.viewersOf(info.stream);
      const text = JSON.stringify(viewers);
      if ((this.#written.get(info.broadcast) ?? '{}') !== text) {
        this.#written.set(info.broadcast, text);
        bus.putCatalog(info.broadcast, 'audience', { viewers });
      }
    }
    for (const id of this.#written.keys()) {
      if (!windows.some(({ info }) => info.broadcast === id)) {
        this.#written.delete(id);
      }
    }
  }
}
