import type { IncomingMessage } from 'node:http';

import type { Registry } from 'prom-client';

import type { Bus } from '#core/bus/bus.ts';
import type { StreamName } from '#core/bus/catalog.ts';
import type { Clock } from '#core/media/time.ts';
import type { RtcTransport } from '#core/rtc/transport.ts';
import type { Logger } from '#core/runtime/log.ts';

import type { Audience } from '../audience/audience.ts';
import type { AudienceReport } from '../audience/report.ts';
import type { Directory } from '../llhls/directory.ts';
import { gaugeOf, type EgressGauge } from './egress-facts.ts';
import { Egress, type EgressObserver } from './egress.ts';
import { WhepMetrics } from './metrics.ts';
import { WhepFace, type EgressControl, type Elsewhere, type ViewerLedger, type WhepLimits } from './whep-face.ts';
import { EgressPool } from './worker/egress-pool.ts';
import { registerPoolMetrics } from './worker/pool-metrics.ts';

/** What WHEP joins. */
export type WhepOptions = {
  readonly bus: Bus;
  readonly rtc: RtcTransport;
  readonly directory: Directory;
  readonly audience: Audience;
  readonly report: AudienceReport;
  readonly clock: Clock;
  readonly limits: WhepLimits;
  /** Worker threads to send media from; 0 or absent: this thread. */
  readonly workers?: number;
  readonly basePath: string;
  readonly metrics: Registry;
  readonly log: Logger;
  readonly readAddress: (request: IncomingMessage) => string;
  readonly elsewhere?: Elsewhere | undefined;
};

/** WHEP as the edge runs it. */
export interface Whep {
  readonly face: WhepFace;
  /** Says goodbye to every viewer. Idempotent. */
  close(): Promise<void>;
}

/** Seconds between two looks at what the viewers' paths carry. */
const SAMPLE_SECONDS = 5;

/** Starts WHEP on a transport: an egress of this thread, or several in others, and the face over HTTP. */
export function startWhep(options: WhepOptions): Whep {
  const { directory, limits, basePath, log, readAddress } = options;
  const observer: EgressObserver = { event: (viewer, event) => face.event(viewer, event), connected: (viewer) => face.connected(viewer), ended: (viewer) => face.ended(viewer) };
  const { control, gauge, expire, close } = startEgress(options, observer);
  const metrics = new WhepMetrics(options.metrics, gauge);
  const streamState = (stream: StreamName): 'unknown' | 'off-air' | 'live' => {
    const state = directory.current(stream)?.info.state;
    return state === 'live' ? 'live' : state !== undefined || directory.knows(stream) ? 'off-air' : 'unknown';
  };
  const face = new WhepFace({ limits, basePath, clock: options.clock, log, readAddress, streamState, ledger: ledgerOf(options), refused: (code) => metrics.refused(code), elsewhere: options.elsewhere });
  face.attach(control);
  let seconds = 0;
  const timer = setInterval(() => {
    seconds += 1;
    expire();
    face.tick();
    if (seconds % SAMPLE_SECONDS === 0) {
      metrics.sample();
    }
  }, 1000);
  return {
    face,
    async close() {
      clearInterval(timer);
      const closed = face.close();
      await close();
      await closed;
    },
  };
}

/** What sends the media, here or elsewhere. */
type StartedEgress = { readonly control: EgressControl; readonly gauge: EgressGauge; readonly expire: () => void; readonly close: () => Promise<void> };

function startEgress({ bus, rtc, clock, log, metrics, workers = 0 }: WhepOptions, observer: EgressObserver): StartedEgress {
  if (workers > 0 && rtc.seats !== undefined) {
    const pool = new EgressPool({ size: workers, bus, seats: rtc.seats, observer, log });
    registerPoolMetrics(metrics, pool);
    return { control: pool, gauge: pool, expire: () => undefined, close: () => pool.close() };
  }
  const egress = new Egress({ bus, rtc, clock, log, observer });
  return {
    control: egress,
    gauge: gaugeOf(egress),
    expire: () => egress.expire(clock()),
    close: () => {
      egress.close();
      return Promise.resolve();
    },
  };
}

/** Counts WebRTC viewers among the audience for as long as their sessions last. */
function ledgerOf({ audience, report, clock }: WhepOptions): ViewerLedger {
  return {
    came(stream, id) {
      const now = clock();
      const viewer = audience.viewer(stream, 'webrtc', id, now);
      if (viewer !== undefined) {
        viewer.waiting = 1;
      }
      // The first one: what only WebRTC needs is to be encoded from now on.
      if (audience.viewersOf(stream).webrtc === 1) {
        report.write(now);
      }
    },
    left: (stream, id) => audience.leave(stream, 'webrtc', id),
    count: (stream) => Object.values(audience.viewersOf(stream)).reduce((sum, count) => sum + count, 0),
  };
}
