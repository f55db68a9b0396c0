import { AttributeList } from './attribute-list.ts';
import { integerValue, onlyOnce, playlistLines, URI, type Line } from './lines.ts';
import type { MediaTag, MultivariantPlaylist, VariantTag } from './playlist.ts';
import { PlaylistSyntaxError } from './syntax-error.ts';

/**
 * Reads a multivariant playlist strictly.
 *
 * @throws {PlaylistSyntaxError}
 */
export function parseMultivariantPlaylist(text: string): MultivariantPlaylist {
  const once = onlyOnce();
  const media: MediaTag[] = [];
  const variants: VariantTag[] = [];
  let version: number | undefined;
  let independentSegments = false;
  let streamInf: Line | undefined;
  for (const line of playlistLines(text)) {
    if (streamInf !== undefined && line.tag !== URI) {
      throw new PlaylistSyntaxError(line.number, '4.4.6.2', 'EXT-X-STREAM-INF is not followed by its URI');
    }
    if (line.tag === 'EXT-X-VERSION') {
      once(line);
      version = integerValue(line, '4.4.1.2');
    } else if (line.tag === 'EXT-X-INDEPENDENT-SEGMENTS') {
      once(line);
      independentSegments = true;
    } else if (line.tag === 'EXT-X-MEDIA') {
      media.push(mediaTag(line));
    } else if (line.tag === 'EXT-X-STREAM-INF') {
      streamInf = line;
    } else if (line.tag === URI && streamInf !== undefined) {
      variants.push(variantTag(streamInf, line.value));
      streamInf = undefined;
    } else {
      throw new PlaylistSyntaxError(line.number, '4.4', `${line.tag} is unknown, or no tag of a multivariant playlist`);
    }
  }
  if (streamInf !== undefined) {
    throw new PlaylistSyntaxError(streamInf.number, '4.4.6.2', 'EXT-X-STREAM-INF is not followed by its URI');
  }
  return { version, independentSegments, media, variants };
}

function mediaTag(line: Line): MediaTag {
  const list = new AttributeList(line.tag, line.value, line.number);
  const tag: MediaTag = {
    type: list.required('TYPE', list.enumerated('TYPE', ['AUDIO', 'VIDEO', 'SUBTITLES', 'CLOSED-CAPTIONS'])),
    groupId: list.required('GROUP-ID', list.quoted('GROUP-ID')),
    name: list.required('NAME', list.quoted('NAME')),
    uri: list.quoted('URI'),
    isDefault: list.flag('DEFAULT'),
    autoselect: list.flag('AUTOSELECT'),
    channels: list.quoted('CHANNELS'),
    line: line.number,
  };
  list.quoted('LANGUAGE');
  list.flag('FORCED');
  list.end();
  return tag;
}

function variantTag(line: Line, uri: string): VariantTag {
  const list = new AttributeList(line.tag, line.value, line.number);
  const tag: VariantTag = {
    uri,
    bandwidth: list.required('BANDWIDTH', list.integer('BANDWIDTH')),
    averageBandwidth: list.integer('AVERAGE-BANDWIDTH'),
    codecs: list.quoted('CODECS')?.split(','),
    resolution: list.resolution('RESOLUTION'),
    frameRate: list.float('FRAME-RATE'),
    audio: list.quoted('AUDIO'),
    line: line.number,
  };
  list.quoted('STABLE-VARIANT-ID');
  list.enumerated('VIDEO-RANGE', ['SDR', 'HLG', 'PQ']);
  list.enumerated('CLOSED-CAPTIONS', ['NONE']);
  list.float('SCORE');
  list.end();
  return tag;
}
