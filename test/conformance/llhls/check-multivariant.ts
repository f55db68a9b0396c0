import type { MediaTag, VariantTag } from '#test/support/m3u8/playlist.ts';
import type { RenditionMedia } from './media-index.ts';
import { resolve, type Observation, type RenditionHistory } from './observation.ts';
import type { Report } from './report.ts';

/**
 * Checks what the multivariant playlist says of the renditions against what they are. `steady`: the part of a rendition whose frames are counted for its
 * frame rate; default all of it.
 */
export function checkMultivariant(observation: Observation, media: readonly RenditionMedia[], report: Report, steady = (own: RenditionMedia): RenditionMedia => own): void {
  const { variants, media: alternatives } = observation.multivariant;
  const uris = variants.map(({ uri }) => resolve(observation.url, uri));
  report.check('variants', variants.length > 0 && new Set(uris).size === uris.length, 'multivariant playlist', () => `${variants.length} variants, ${new Set(uris).size} URIs`);
  const groups = new Map<string, MediaTag[]>();
  alternatives.forEach((tag) => groups.set(tag.groupId, [...(groups.get(tag.groupId) ?? []), tag]));
  groups.forEach((tags, id) => checkGroup(tags, id, report));
  for (const variant of variants) {
    const where = `variant ${variant.uri}`;
    const group = variant.audio === undefined ? [] : (groups.get(variant.audio) ?? []);
    report.check('audio-group', variant.audio === undefined || group.length > 0, where, () => `AUDIO="${variant.audio}" names no group`);
    const own = media.find(({ url }) => url === resolve(observation.url, variant.uri));
    const sound = group.flatMap(({ uri }) => media.find(({ url }) => uri !== undefined && url === resolve(observation.url, uri)) ?? []);
    if (own !== undefined) {
      checkVariant(variant, own, sound, where, report);
      checkFrameRate(variant, steady(own), where, report);
      checkBandwidth(observation, variant, own, sound, where, report);
    }
  }
  alternatives.forEach((tag) => checkChannels(observation, tag, media, report));
}

function checkGroup(tags: readonly MediaTag[], id: string, report: Report): void {
  const where = `group ${id}`;
  report.check('audio-group', tags.filter(({ isDefault }) => isDefault).length <= 1, where, () => 'has more than one default');
  report.check('audio-group', new Set(tags.map(({ name }) => name)).size === tags.length, where, () => 'has a name twice');
  tags.forEach((tag) => report.check('audio-group', !tag.isDefault || tag.autoselect, where, () => `${tag.name} is DEFAULT without AUTOSELECT`));
}

function checkChannels({ url: base }: Observation, tag: MediaTag, media: readonly RenditionMedia[], report: Report): void {
  const own = media.find(({ url }) => tag.uri !== undefined && url === resolve(base, tag.uri));
  own?.inits.forEach((init) => report.check('audio-group', tag.channels === `${init.channels}`, `group ${tag.groupId}, ${tag.name}`, () => `CHANNELS=${tag.channels}, the sound has ${init.channels}`));
}

function checkVariant(variant: VariantTag, own: RenditionMedia, sound: readonly RenditionMedia[], where: string, report: Report): void {
  const inits = [own, ...sound].flatMap(({ inits: all }) => [...all.values()]);
  const codecs = [...new Set(inits.map(({ codec }) => codec))].sort();
  if (inits.length > 0) {
    report.check('codecs', JSON.stringify([...(variant.codecs ?? [])].sort()) === JSON.stringify(codecs), where, () => `CODECS="${variant.codecs?.join(',')}", the init segments have ${codecs.join(',')}`);
  }
  report.check('variants', variant.averageBandwidth !== undefined && variant.codecs !== undefined, where, () => 'AVERAGE-BANDWIDTH or CODECS is missing');
  const video = [...own.inits.values()].filter(({ kind }) => kind === 'video');
  if (video.length === 0) {
    return;
  }
  report.check('variants', variant.resolution !== undefined && variant.frameRate !== undefined, where, () => 'RESOLUTION or FRAME-RATE is missing');
  video.forEach(({ width, height }) => {
    report.check('resolution', variant.resolution?.width === width && variant.resolution.height === height, where, () => `RESOLUTION=${variant.resolution?.width}x${variant.resolution?.height}, the picture is ${width}x${height}`);
  });
}

function checkFrameRate(variant: VariantTag, own: RenditionMedia, where: string, report: Report): void {
  const rate = [...own.inits.values()].some(({ kind }) => kind === 'video') ? frameRateOf(own) : undefined;
  if (rate !== undefined) {
    report.check('frame-rate', Math.abs((variant.frameRate ?? 0) - rate) <= 0.002, where, () => `FRAME-RATE=${variant.frameRate}, the samples have ${rate.toFixed(3)}`);
  }
}

/** Frames a second over the longest run of whole segments of one epoch. */
function frameRateOf({ segments }: RenditionMedia): number | undefined {
  const epoch = segments.find(({ whole }) => whole)?.segment.discontinuitySequence;
  const counted = segments.filter(({ whole, segment }) => whole && segment.discontinuitySequence === epoch);
  const timescale = counted[0]?.init?.timescale;
  const samples = counted.flatMap((segment) => segment.samples);
  const ticks = samples.reduce((sum, { duration }) => sum + duration, 0);
  return timescale === undefined || ticks === 0 ? undefined : (samples.length * timescale) / ticks;
}

function checkBandwidth(observation: Observation, variant: VariantTag, own: RenditionMedia, sound: readonly RenditionMedia[], where: string, report: Report): void {
  const historyOf = ({ url }: RenditionMedia): RenditionHistory | undefined => observation.renditions.find((history) => history.url === url);
  const peakOf = (media: RenditionMedia): number => peakSegmentBitRate(media, historyOf(media));
  const peak = peakOf(own) + Math.max(0, ...sound.map(peakOf));
  report.check('bandwidth', variant.bandwidth >= peak, where, () => `BANDWIDTH=${variant.bandwidth}, the peak segment bit rate is ${Math.ceil(peak)}`);
  report.check('bandwidth', variant.bandwidth >= (variant.averageBandwidth ?? 0), where, () => `BANDWIDTH=${variant.bandwidth}, AVERAGE-BANDWIDTH=${variant.averageBandwidth}`);
}

/** "The largest bit rate of any contiguous set of segments whose total duration is between 0.5 and 1.5 times the target duration" (4.4.6.2). */
function peakSegmentBitRate({ segments }: RenditionMedia, history: RenditionHistory | undefined): number {
  const target = history?.snapshots[0]?.playlist.targetDuration ?? 2;
  const sizes = segments.map(({ segment, whole }) => {
    const answer = segment.url === undefined ? undefined : history?.resources.get(segment.url);
    return whole && answer !== undefined ? { bits: answer.bytes.length * 8, duration: segment.duration ?? 0 } : undefined;
  });
  let peak = 0;
  for (let from = 0; from < sizes.length; from += 1) {
    let [bits, duration] = [0, 0];
    for (let to = from; to < sizes.length && duration <= 1.5 * target; to += 1) {
      const size = sizes[to];
      if (size === undefined) {
        break;
      }
      bits += size.bits;
      duration += size.duration;
      if (duration >= 0.5 * target && duration <= 1.5 * target) {
        peak = Math.max(peak, bits / duration);
      }
    }
  }
  return peak;
}

