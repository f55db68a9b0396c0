/** A rule that is checked: where it stands, and what it says in short. Sections without a name before them are rfc8216bis. */
export type Rule = { readonly section: string; readonly says: string };

/** Every rule that the checker knows, by name. */
export const rules = {
  // One playlist.
  'syntax': { section: '4.1, 4.2, 4.4', says: 'Playlists keep to the grammar; tags that may stand once do.' },
  'version': { section: '4.4.1.2, 8', says: 'EXT-X-VERSION is at least what the tags used need: 6 for EXT-X-MAP, 9 for EXT-X-SKIP.' },
  'target-duration': { section: '4.4.3.1', says: 'Each EXTINF, rounded to the nearest integer, is at most the target duration.' },
  'server-control': { section: '4.4.3.8, B.1', says: 'Every playlist has EXT-X-SERVER-CONTROL with CAN-BLOCK-RELOAD=YES.' },
  'part-hold-back': { section: '4.4.3.8', says: 'PART-HOLD-BACK is there and at least twice the part target (MUST).' },
  'part-hold-back-recommended': { section: '4.4.3.8', says: 'PART-HOLD-BACK is at least three times the part target (SHOULD).' },
  'hold-back': { section: '4.4.3.8', says: 'HOLD-BACK is at least three times the target duration.' },
  'can-skip-until': { section: '4.4.3.8', says: 'CAN-SKIP-UNTIL is at least six times the target duration.' },
  'part-inf': { section: '4.4.3.7', says: 'A playlist with EXT-X-PART has EXT-X-PART-INF.' },
  'part-duration-maximum': { section: '4.4.3.7', says: 'No part lasts longer than the part target.' },
  'parts-near-the-edge': { section: '6.2.2, B.1', says: 'Segments within three target durations of the end have their parts listed; older ones have not.' },
  'map': { section: '4.4.4.5', says: 'Every fMP4 segment has an EXT-X-MAP before it.' },
  'program-date-time': { section: '4.4.4.6, B.1', says: 'Every playlist has EXT-X-PROGRAM-DATE-TIME, also at its first segment and after each discontinuity.' },
  'preload-hint': { section: '4.4.5.3', says: 'One hint of a part, which is not listed yet; none after EXT-X-ENDLIST.' },
  'rendition-report': { section: '4.4.5.4, B.1', says: 'Every playlist reports on every other rendition.' },
  'live-window': { section: '6.2.2', says: 'What is listed is never less than three target durations, once so much is there.' },
  'date-range': { section: '4.4.5.1', says: 'A playlist with EXT-X-DATERANGE has EXT-X-PROGRAM-DATE-TIME, and tags of one ID say the same.' },
  // Over time.
  'media-sequence': { section: '4.4.3.2, 6.2.2', says: 'The media sequence number never decreases and counts the segments removed.' },
  'discontinuity-sequence': { section: '4.4.3.3, 6.2.2', says: 'A segment has the same discontinuity sequence number in every playlist.' },
  'segment-identity': { section: '6.2.1', says: 'A media sequence number always means the same URI, duration, date, map and gap.' },
  'date-range-identity': { section: '4.4.5.1', says: 'An EXT-X-DATERANGE keeps its attributes, from playlist to playlist and from rendition to rendition.' },
  'edge': { section: '6.2.2', says: 'Segments are removed from the front only, and added at the end only.' },
  'part-identity': { section: '4.4.4.9, 6.2.2', says: 'A listed part keeps its URI, duration and flags; parts are added at the end only.' },
  'target-duration-constant': { section: '4.4.3.1', says: 'EXT-X-TARGETDURATION does not change.' },
  'end-list': { section: '4.4.3.4', says: 'After EXT-X-ENDLIST a playlist does not change.' },
  'uri-once': { section: '6.2.1; ADR 0001', says: 'One URI stands for one segment or part.' },
  'part-duration-minimum': { section: '4.4.3.7', says: 'A part lasts at least 85 % of the part target, unless it is independent, beside a gap, or the last of its segment.' },
  'part-sum': { section: '4.4.4.9', says: 'The parts of a segment last as long as the segment.' },
  'date-continuity': { section: '4.4.4.6', says: 'Dates and durations tell the same time.' },
  'rendition-report-truth': { section: '4.4.5.4', says: 'LAST-MSN and LAST-PART are those of the other playlist at that time.' },
  // Media.
  'resource': { section: '6.2.1', says: 'What is listed can be fetched, whole, with its media type.' },
  'same-bytes': { section: '6.2.1; ADR 0001', says: 'A URI gives the same bytes whenever it is asked.' },
  'hint-bytes': { section: '4.4.5.3, 6.2.6', says: 'The hinted resource is the part that is listed later.' },
  'parts-tile': { section: '4.4.4.9', says: 'The parts of a segment are its bytes, one after another.' },
  'media-duration': { section: '4.4.4.1, 4.4.4.9', says: 'EXTINF and the parts\' DURATION are what their samples last.' },
  'independent': { section: '4.4.4.9', says: 'INDEPENDENT=YES stands exactly at the parts that have an independent frame.' },
  'sync-flags': { section: 'ISO/IEC 14496-12, 8.6.4', says: 'Samples flagged as sync samples are IDR pictures, and no others.' },
  'independent-segments': { section: '4.4.2.1', says: 'With EXT-X-INDEPENDENT-SEGMENTS every segment begins with an independent frame.' },
  'timeline': { section: '3; ISO/IEC 14496-12, 8.8.12', says: 'Decode times go on without hole or overlap within a discontinuity sequence, and rise across them.' },
  'removed-still-there': { section: '6.2.2, B.1', says: 'What has left a playlist can still be fetched for a while: a segment as long as the playlist is, a part for three target durations.' },
  // Renditions together.
  'same-server-control': { section: '4.4.3.8', says: 'EXT-X-SERVER-CONTROL and EXT-X-TARGETDURATION are the same in every playlist.' },
  'same-cut': { section: '6.2.4; ADR 0001', says: 'The group of a number begins at the same tick in every video rendition, with an IDR in all or in none.' },
  'same-discontinuity': { section: '6.2.4', says: 'The segment of a number has the same discontinuity sequence number in every rendition.' },
  'same-date': { section: '6.2.4, 4.4.4.6', says: 'Dates map to one timeline: date minus presentation time is the same in every rendition.' },
  'same-date-ranges': { section: '6.2.4; ADR 0011', says: 'What one rendition lists as EXT-X-DATERANGE every other lists too, once it is asked again and while its segment is listed.' },
  'audio-cut': { section: 'ADR 0001', says: 'Sound of a group begins with the first frame at or after the start of its picture.' },
  // The multivariant playlist.
  'variants': { section: '4.4.6.2, B.1', says: 'Variants state BANDWIDTH, AVERAGE-BANDWIDTH, CODECS, RESOLUTION and FRAME-RATE, no URI twice.' },
  'audio-group': { section: '4.4.6.1, 4.4.6.2', says: 'AUDIO names a group that is there, with one default, AUTOSELECT and CHANNELS.' },
  'codecs': { section: '4.4.6.2', says: 'CODECS lists what the init segments hold, no more and no less.' },
  'resolution': { section: '4.4.6.2', says: 'RESOLUTION is the size of the picture.' },
  'frame-rate': { section: '4.4.6.2', says: 'FRAME-RATE is the frame rate of the samples, to three places.' },
  'bandwidth': { section: '4.4.6.2', says: 'BANDWIDTH is at least the peak segment bit rate, and at least AVERAGE-BANDWIDTH.' },
  // Answers of the server.
  'http-playlist': { section: '4, 6.2.1; contract', says: 'Playlists have their media type, gzip where wanted, CORS, HEAD, and no long life in caches.' },
  'http-media': { section: '6.2.1; contract', says: 'Media have their media type, length, ranges, CORS, HEAD, and are immutable.' },
  'directive-malformed': { section: '6.2.5.2', says: '_HLS_part without _HLS_msn and values that are no numbers are answered with 400.' },
  'directive-too-far': { section: '6.2.5.2', says: 'A segment more than two ahead, or a part beyond the advance part limit, is answered with 400.' },
  'directive-past': { section: '6.2.5.2', says: 'What is there already is answered at once with the playlist as it is.' },
  'directive-blocks': { section: '6.2.5.2', says: 'A request for what is to come waits, and its answer has it.' },
  'directive-past-end': { section: '6.2.5.2', says: 'A part past the last of a segment means part 0 of the next.' },
  'directive-timeout': { section: '6.2.5.2', says: 'Blocked for more than three target durations is answered with 503.' },
  'directive-after-end': { section: '6.2.5', says: 'After EXT-X-ENDLIST the directives are ignored.' },
  'unhinted-part': { section: '6.2.6', says: 'A part to come that was not hinted is answered with 404.' },
  'delta-update': { section: '6.2.5.1', says: 'A delta update, put onto the playlist before, is the playlist.' },
} as const satisfies Readonly<Record<string, Rule>>;

/** A rule's name. */
export type RuleName = keyof typeof rules;
