import type { Face, LadderCatalog, Rendition, SourceTrack } from '#core/bus/catalog.ts';
import type { Grouping } from '#core/media/grouping.ts';
import type { VideoConfig } from '#core/media/track.ts';
import type { LadderSetting } from '#core/runtime/config/common.ts';
import { rareColourFormat } from './colour-format.ts';
import { videoLabel } from './frame-rate.ts';
import { bitrateFor, shorterSide } from './rung.ts';

/** Where the source's own picture may go. */
export type PassThrough = {
  readonly onHls: boolean;
  readonly onWebrtc: boolean;
  /** Why it is not passed through to HLS, for the rung that stands in for it. */
  readonly whyEncoded: string;
  readonly rendition?: Rendition;
  readonly omitted: LadderCatalog['omitted'];
  /** What of its colour format plays in few browsers, in words; see {@link rareColourFormat}. */
  readonly rareColourFormat?: string;
};

/** Peak over mean of a typical live encode; the mean is what ingest measured. */
const PEAK = 1.25;

/**
 * Decides per protocol whether the source's picture is passed through (design, rule 7): HLS needs key frames that make
 * groups, a constant rate and colours that every player decodes, unless the ladder `source` asks for it anyway; WebRTC
 * cannot show B-frames, nor other colours whatever is asked for, and takes VP8, VP9 and AV1 too.
 */
export function passThrough(source: SourceTrack, grouping: Grouping, ladder: LadderSetting): PassThrough {
  const config = source.config as VideoConfig;
  const variable = source.video?.variableFrameRate === true;
  const rare = rareColourFormat(config);
  const rareFormat = rare === undefined ? {} : { rareColourFormat: rare };
  const barred = hlsBar(config, variable, grouping, rare);
  const onHls = config.codec === 'h264' && (barred === undefined || ladder === 'source');
  const onWebrtc = showsOnWebrtc(source, config);
  const label = videoLabel(shorterSide(config), source.video?.frameRate ?? 30);
  const faces: Face[] = [...(onHls ? ['hls' as const] : []), ...(onWebrtc ? ['webrtc' as const] : [])];
  const whyEncoded = barred ?? '';
  if (faces.length === 0) {
    return { onHls, onWebrtc, whyEncoded, omitted: [{ label: `${label} as sent`, reason: whyEncoded }], ...rareFormat };
  }
  const mean = source.bitrate > 0 ? source.bitrate : bitrateFor(config);
  const rendition: Rendition = {
    track: source.name,
    label,
    faces,
    mode: 'passthrough',
    reason: passedReason(config, onHls, onWebrtc, barred),
    config,
    ...(source.video === undefined ? {} : { frameRate: source.video.frameRate }),
    bandwidth: Math.round(mean * PEAK),
    averageBandwidth: mean,
  };
  return { onHls, onWebrtc, whyEncoded, rendition, omitted: [], ...rareFormat };
}

/** The lower layers of a simulcast publisher, as renditions for WebRTC: encoded by the publisher, so nothing is encoded here. */
export function layerRenditions(layers: readonly SourceTrack[]): readonly Rendition[] {
  return layers.flatMap((layer) => {
    const { config } = layer;
    if (config.kind !== 'video' || !showsOnWebrtc(layer, config)) {
      return [];
    }
    const mean = layer.bitrate > 0 ? layer.bitrate : bitrateFor(config);
    const frameRate = layer.video?.frameRate;
    return {
      track: layer.name,
      label: videoLabel(shorterSide(config), frameRate ?? 30),
      faces: ['webrtc' as const],
      mode: 'passthrough' as const,
      reason: 'Passed through to WebRTC: the publisher sends this quality beside its best one.',
      config,
      ...(frameRate === undefined ? {} : { frameRate }),
      bandwidth: Math.round(mean * PEAK),
      averageBandwidth: mean,
    };
  });
}

/** WebRTC shows neither B-frames nor rare colours. */
function showsOnWebrtc(source: SourceTrack, config: VideoConfig): boolean {
  const plain = source.video?.bFrames !== true && !config.reordered;
  return config.codec === 'h264' ? plain && rareColourFormat(config) === undefined : plain && config.codec !== 'hevc';
}

function hlsBar(config: VideoConfig, variable: boolean, grouping: Grouping, rare: string | undefined): string | undefined {
  if (config.codec !== 'h264') {
    return `Encoded because not every browser plays ${config.codec}.`;
  }
  if (rare !== undefined) {
    return `Encoded because the source's colour format (${rare}) plays in few browsers; 8 bit 4:2:0 (NV12, yuv420p) would be passed through.`;
  }
  if (variable) {
    return 'Encoded because the frame rate of the source varies; a constant one would be passed through.';
  }
  if (grouping.mode === 'grid') {
    return 'Encoded because the key frames of the source are more than 2 seconds apart; a key frame interval of 1 or 2 seconds would be passed through.';
  }
  return undefined;
}

function passedReason({ codec }: VideoConfig, onHls: boolean, onWebrtc: boolean, barred: string | undefined): string {
  if (onHls && barred !== undefined) {
    return 'Passed through because the ladder is set to "source".';
  }
  if (!onHls) {
    return `Passed through to WebRTC only${codec === 'h264' ? '' : `, where the browser plays ${codec}`}. ${barred ?? ''}`.trim();
  }
  return onWebrtc ? 'Passed through as it was sent.' : 'Passed through as it was sent, but not to WebRTC, which cannot show B-frames.';
}
