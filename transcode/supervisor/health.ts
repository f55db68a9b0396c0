import type { Bus } from '#core/bus/bus.ts';
import type { StreamName, TranscodeHealth, Warning } from '#core/bus/catalog.ts';
import type { BroadcastId } from '#core/media/frame.ts';
import { elapsed, millis, ticksToMillis, VIDEO_TIMESCALE, type Clock, type Millis, type Ticks, type WallTime } from '#core/media/time.ts';
import type { TrackName } from '#core/media/track.ts';
import type { Plan } from '../plan/plan.ts';
import type { EpochEncode } from './epoch.ts';
import type { TranscodeMetrics } from './metrics.ts';
import type { Run } from './run.ts';
import type { RungCounts } from './to-bus.ts';

const REPORT_EVERY = millis(1000);
/** What stays as it is, as where nothing is encoded, is told so often: many broadcasts that are only passed through cost little. */
const REPEAT_AFTER = millis(10_000);
/** Speed is the mean over so long. */
const SPEED_WINDOW = millis(5000);
/** A warning of something that passes stands so long after it was last seen. */
const WARNING_LASTS = millis(60_000);

type Sample = { readonly at: WallTime; readonly run: Run; readonly out: Ticks };

/** Tells the catalog and the metrics how the encoder of one broadcast does. */
export class Health {
  readonly #bus: Bus;
  readonly #broadcast: BroadcastId;
  readonly #stream: StreamName;
  readonly #metrics: TranscodeMetrics;
  readonly #samples: Sample[] = [];
  readonly #warnings = new Map<string, Warning & { readonly seen: WallTime }>();
  #restarts = 0;
  #plan: Pick<Plan, 'shed' | 'rareColourFormat'> = { shed: [] };
  #reportedAt: WallTime;
  #told: { readonly text: string; readonly at: WallTime } | undefined;

  constructor(options: { readonly bus: Bus; readonly broadcast: BroadcastId; readonly stream: StreamName; readonly clock: Clock; readonly metrics: TranscodeMetrics }) {
    this.#bus = options.bus;
    this.#broadcast = options.broadcast;
    this.#stream = options.stream;
    this.#metrics = options.metrics;
    this.#reportedAt = options.clock();
  }

  /** An ffmpeg ended that was not asked to. */
  restarted(now: WallTime): void {
    this.#restarts += 1;
    this.#metrics.restarted(this.#stream);
    this.#warn(now, 'transcode/restarted', 'The encoder had to be started again. Viewers of encoded qualities may have seen a short hold-up.');
  }

  /** The encoder could not keep up. */
  behind(now: WallTime): void {
    this.#warn(now, 'transcode/falling-behind', 'This machine cannot encode as fast as the stream comes. Choose fewer or smaller rungs, or a faster machine.');
  }

  /** What is offered and what is shed, after each plan. */
  planned(plan: Pick<Plan, 'renditions' | 'shed' | 'rareColourFormat'>, shed: readonly TrackName[]): void {
    this.#plan = plan;
    this.#metrics.rungs(this.#stream, plan.renditions, shed);
  }

  /** Called on every tick; writes about once a second what has changed. */
  observe(seen: { readonly now: WallTime; readonly lag: Millis; readonly epoch: EpochEncode | undefined; readonly audio: ReadonlyMap<TrackName, RungCounts> }): void {
    const run = seen.epoch?.run;
    if (run?.lastOut !== undefined) {
      this.#samples.push({ at: seen.now, run, out: run.lastOut });
    }
    while (this.#samples.length > 0 && elapsed(this.#samples[0]?.at ?? seen.now, seen.now) > SPEED_WINDOW) {
      this.#samples.shift();
    }
    if (elapsed(this.#reportedAt, seen.now) < REPORT_EVERY) {
      return;
    }
    this.#reportedAt = seen.now;
    // Where nothing is to be encoded, nothing is late.
    const speed = run === undefined ? Number(seen.epoch?.encode === undefined) : this.#speed(run);
    const health: TranscodeHealth = { speed, lag: seen.lag, restarts: this.#restarts, warnings: this.#standing(seen.now) };
    this.#tell(health, seen.now);
    this.#metrics.health(this.#stream, health, new Map([...(seen.epoch?.counts ?? []), ...seen.audio]));
  }

  #tell(health: TranscodeHealth, now: WallTime): void {
    const text = JSON.stringify(health);
    if (this.#told?.text !== text || elapsed(this.#told.at, now) >= REPEAT_AFTER) {
      this.#told = { text, at: now };
      this.#bus.putCatalog(this.#broadcast, 'transcode', health);
    }
  }

  /** Media encoded per time passed, of one run: across a restart it would mean nothing. */
  #speed(run: Run): number {
    const samples = this.#samples.filter((sample) => sample.run === run);
    const [first, last] = [samples[0], samples.at(-1)];
    if (first === undefined || last === undefined || last.at === first.at) {
      return 1;
    }
    const media = ticksToMillis((last.out - first.out) as Ticks, VIDEO_TIMESCALE);
    return Math.round((media / elapsed(first.at, last.at)) * 100) / 100;
  }

  #warn(now: WallTime, code: string, message: string): void {
    const since = this.#warnings.get(code)?.since ?? now;
    this.#warnings.set(code, { code, message, since, seen: now });
  }

  #warnWhile(condition: boolean, now: WallTime, code: string, message: string): void {
    if (condition) {
      this.#warn(now, code, message);
    } else {
      this.#warnings.delete(code);
    }
  }

  #standing(now: WallTime): Warning[] {
    const { shed, rareColourFormat } = this.#plan;
    this.#warnWhile(shed.length > 0, now, 'transcode/rung-shed', `Left out for now, because the machine could not encode it in real time: ${shed.join(', ')}.`);
    this.#warnWhile(
      rareColourFormat !== undefined,
      now,
      'source/pixel-format',
      `The picture's colour format (${rareColourFormat}) plays in few browsers. Set 8 bit 4:2:0 in the encoder: Color Format NV12 in OBS, -pix_fmt yuv420p in ffmpeg.`,
    );
    for (const [code, { seen }] of this.#warnings) {
      if (elapsed(seen, now) > WARNING_LASTS) {
        this.#warnings.delete(code);
      }
    }
    return [...this.#warnings.values()].map(({ code, message, since }) => ({ code, message, since }));
  }
}
