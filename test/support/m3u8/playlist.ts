/** Seconds, as playlists count them. Only test code handles playlists' own numbers. */
export type Seconds = number;

/** EXT-X-MAP. */
export type MapTag = { readonly uri: string };

/** EXT-X-PART. */
export type PartTag = { readonly uri: string; readonly duration: Seconds; readonly independent: boolean; readonly gap: boolean; readonly line: number };

/** A media segment, or the one at the end of which only parts are there. */
export type SegmentTags = {
  readonly msn: number;
  /** Undefined for a segment that still grows. */
  readonly uri: string | undefined;
  readonly duration: Seconds | undefined;
  readonly gap: boolean;
  /** EXT-X-DISCONTINUITY tags before it. */
  readonly discontinuities: number;
  /** Discontinuity sequence number (rfc8216bis, 6.2.1); relative where segments were skipped. */
  readonly discontinuitySequence: number;
  /** The EXT-X-MAP in force. */
  readonly map: MapTag | undefined;
  /** EXT-X-PROGRAM-DATE-TIME of this very segment, in milliseconds since the Unix epoch. */
  readonly programDateTime: number | undefined;
  readonly parts: readonly PartTag[];
  readonly line: number;
};

/** EXT-X-SERVER-CONTROL. */
export type ServerControlTag = {
  readonly canSkipUntil: Seconds | undefined;
  readonly canSkipDateranges: boolean;
  readonly holdBack: Seconds | undefined;
  readonly partHoldBack: Seconds | undefined;
  readonly canBlockReload: boolean;
};

/** EXT-X-PRELOAD-HINT. */
export type PreloadHintTag = { readonly type: 'PART' | 'MAP'; readonly uri: string };

/** EXT-X-RENDITION-REPORT. */
export type RenditionReportTag = { readonly uri: string; readonly lastMsn: number | undefined; readonly lastPart: number | undefined };

/** EXT-X-DATERANGE. */
export type DateRangeTag = {
  readonly id: string;
  readonly class: string | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly startDate: number;
  readonly duration: Seconds | undefined;
  /** Attributes of one's own, `X-` before their names, as they stand in the tag; quotes taken off. */
  readonly own: Readonly<Record<string, string>>;
  readonly line: number;
};

/** A media playlist. */
export type MediaPlaylist = {
  readonly version: number | undefined;
  readonly targetDuration: number;
  readonly mediaSequence: number;
  readonly discontinuitySequence: number;
  readonly independentSegments: boolean;
  readonly playlistType: 'EVENT' | 'VOD' | undefined;
  readonly partTarget: Seconds | undefined;
  readonly serverControl: ServerControlTag | undefined;
  /** SKIPPED-SEGMENTS of a delta update; 0 otherwise. */
  readonly skipped: number;
  /** Those that are not skipped; the last one may have no URI yet. */
  readonly segments: readonly SegmentTags[];
  readonly dateRanges: readonly DateRangeTag[];
  readonly preloadHints: readonly PreloadHintTag[];
  readonly renditionReports: readonly RenditionReportTag[];
  readonly endList: boolean;
};

/** EXT-X-MEDIA. */
export type MediaTag = {
  readonly type: 'AUDIO' | 'VIDEO' | 'SUBTITLES' | 'CLOSED-CAPTIONS';
  readonly groupId: string;
  readonly name: string;
  readonly uri: string | undefined;
  readonly isDefault: boolean;
  readonly autoselect: boolean;
  readonly channels: string | undefined;
  readonly line: number;
};

/** EXT-X-STREAM-INF with its URI. */
export type VariantTag = {
  readonly uri: string;
  readonly bandwidth: number;
  readonly averageBandwidth: number | undefined;
  readonly codecs: readonly string[] | undefined;
  readonly resolution: { readonly width: number; readonly height: number } | undefined;
  readonly frameRate: number | undefined;
  readonly audio: string | undefined;
  readonly line: number;
};

/** A multivariant playlist. */
export type MultivariantPlaylist = {
  readonly version: number | undefined;
  readonly independentSegments: boolean;
  readonly media: readonly MediaTag[];
  readonly variants: readonly VariantTag[];
};
