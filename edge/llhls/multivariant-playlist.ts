import type { Rendition } from '#core/bus/catalog.ts';
import type { BroadcastId } from '#core/media/frame.ts';
import type { AudioConfig, TrackConfig, TrackName, VideoConfig } from '#core/media/track.ts';

import type { Steering } from '../elsewhere/steering.ts';

/** A rendition of the ladder with the configuration its frames have, or are planned to have. */
export type OfferedRendition = Pick<Rendition, 'track' | 'label' | 'frameRate' | 'bandwidth' | 'averageBandwidth'> & { readonly config: TrackConfig };

type UriOf = (track: TrackName) => string;

type Offered<C extends TrackConfig> = OfferedRendition & { readonly config: C };

/** What a playlist may say besides. */
export type MultivariantOptions = {
  /** Names a track's media playlist; without it as it lies below `/live/<stream>/`. */
  readonly uriOf?: UriOf | undefined;
  /** Who steers players among edges (4.4.6.6); undefined where there is one only. */
  readonly steering?: Pick<Steering, 'path' | 'pathway'> | undefined;
};

type Naming = { readonly uriOf: UriOf; readonly pathway: string | undefined };

/**
 * Writes the multivariant playlist (rfc8216bis, 4.4.6). Each codec of the sound is one audio group, and each picture is
 * offered once with each group. Sound alone is a variant by itself.
 */
export function multivariantPlaylist(
  broadcast: BroadcastId,
  renditions: readonly OfferedRendition[],
  independentSegments: boolean,
  { uriOf = (track) => `${broadcast}/${track}/index.m3u8`, steering }: MultivariantOptions = {},
): string {
  const naming = { uriOf, pathway: steering?.pathway };
  const videos = renditions.filter((rendition): rendition is Offered<VideoConfig> => rendition.config.kind === 'video');
  const audios = renditions.filter((rendition): rendition is Offered<AudioConfig> => rendition.config.kind === 'audio');
  const groups = [...Map.groupBy(audios, ({ config }) => config.codec)];
  let text = '#EXTM3U\n#EXT-X-VERSION:9\n';
  if (independentSegments) {
    text += '#EXT-X-INDEPENDENT-SEGMENTS\n';
  }
  if (steering !== undefined) {
    text += `#EXT-X-CONTENT-STEERING:SERVER-URI="${steering.path}",PATHWAY-ID="${steering.pathway}"\n`;
  }
  if (videos.length === 0) {
    return text + audios.map((audio) => variant(naming, audio)).join('');
  }
  for (const [codec, members] of groups) {
    text += members.map((audio, index) => media(naming, codec, audio, index === 0)).join('');
  }
  if (groups.length === 0) {
    return text + videos.map((video) => variant(naming, video)).join('');
  }
  for (const [codec, members] of groups) {
    const loudest = members.reduce((a, b) => (b.bandwidth > a.bandwidth ? b : a));
    text += videos.map((video) => variant(naming, video, { group: groupId(codec), audio: loudest })).join('');
  }
  return text;
}

function media({ uriOf, pathway }: Naming, codec: string, audio: Offered<AudioConfig>, isDefault: boolean): string {
  const attributes = [
    'TYPE=AUDIO',
    `GROUP-ID="${groupId(codec)}"`,
    `NAME="${quotable(audio.label)}"`,
    `DEFAULT=${isDefault ? 'YES' : 'NO'}`,
    'AUTOSELECT=YES',
    `CHANNELS="${audio.config.channels}"`,
    `URI="${uriOf(audio.track)}"`,
    ...(pathway === undefined ? [] : [`STABLE-RENDITION-ID="${audio.track}"`]),
  ];
  return `#EXT-X-MEDIA:${attributes.join(',')}\n`;
}

function variant({ uriOf, pathway }: Naming, rendition: OfferedRendition, sound?: { readonly group: string; readonly audio: Offered<AudioConfig> }): string {
  const { config } = rendition;
  const codecs = sound === undefined ? config.codecString : `${config.codecString},${sound.audio.config.codecString}`;
  const attributes = [
    `BANDWIDTH=${Math.max(1, Math.ceil(rendition.bandwidth + (sound?.audio.bandwidth ?? 0)))}`,
    `AVERAGE-BANDWIDTH=${Math.max(1, Math.ceil(rendition.averageBandwidth + (sound?.audio.averageBandwidth ?? 0)))}`,
    `CODECS="${codecs}"`,
  ];
  if (config.kind === 'video') {
    attributes.push(`RESOLUTION=${config.width}x${config.height}`);
    if (rendition.frameRate !== undefined && rendition.frameRate > 0) {
      attributes.push(`FRAME-RATE=${rendition.frameRate.toFixed(3)}`);
    }
  }
  if (sound !== undefined) {
    attributes.push(`AUDIO="${sound.group}"`);
  }
  if (pathway !== undefined) {
    attributes.push(`STABLE-VARIANT-ID="${rendition.track}"`, `PATHWAY-ID="${pathway}"`);
  }
  return `#EXT-X-STREAM-INF:${attributes.join(',')}\n${uriOf(rendition.track)}\n`;
}

function groupId(codec: string): string {
  return `audio-${codec}`;
}

/** A quoted-string holds no line feed, carriage return or double quote (rfc8216bis, 4.2). */
function quotable(label: string): string {
  return label.replace(/["\r\n]/g, ' ');
}
