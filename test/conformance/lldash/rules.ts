/** A rule that is checked: where it stands, and what it says in short. Sections without a name before them are ISO/IEC 23009-1. */
export type Rule = { readonly section: string; readonly says: string };

/** Every rule that the checker knows, by name. */
export const rules = {
  // One manifest.
  'readable': { section: 'XML 1.0; 5.2', says: 'The manifest is well formed, with the elements and attributes in the form that they have to have.' },
  'dynamic': { section: '5.3.1.2', says: 'A dynamic manifest has availabilityStartTime, publishTime, minimumUpdatePeriod and timeShiftBufferDepth, and no duration.' },
  'ids': { section: '5.3.2.2, 5.3.5.2', says: 'Periods have ids, each once; so have the adaptation sets and the representations of a period.' },
  'period-order': { section: '5.3.2.1', says: 'Periods begin one after another.' },
  'template': { section: '5.3.9.4', says: 'Every representation has addresses by $Number$, an init segment, a timescale and a first number.' },
  'max-segment-duration': { section: '5.3.1.2', says: 'No listed segment lasts longer than maxSegmentDuration.' },
  'described': { section: '5.3.5.2, 5.3.7.2', says: 'Representations tell codecs and bandwidth; video its size and frame rate, sound its sampling rate and channels.' },
  'low-latency': { section: 'DASH-IF IOP, low-latency live', says: 'Segments of the last period are offered before they are whole: availabilityTimeOffset below their length, availabilityTimeComplete false.' },
  'service-description': { section: 'Annex K; DASH-IF IOP', says: 'A ServiceDescription tells the latency that players should have, and the rates they may take to it.' },
  'producer-reference': { section: '5.12', says: 'Every adaptation set has a ProducerReferenceTime with the form of its clock, which says that presentation time is wall time.' },
  'resync': { section: '5.3.12', says: 'Every adaptation set tells by Resync how far its chunks are apart.' },
  'utc-timing': { section: '5.8.4.11', says: 'UTCTiming names a clock.' },
  'event-streams': { section: '5.10.3.3.1', says: 'Every adaptation set says that there may be messages in its segments.' },
  // Over time.
  'availability-start': { section: '5.3.1.2, 5.4.1', says: 'availabilityStartTime and the id of the presentation do not change.' },
  'publish-time': { section: '5.3.1.2', says: 'publishTime never goes back.' },
  'period-constant': { section: '5.3.2.2, 5.4.1', says: 'A period keeps its start, and its representations theirs: init segment, timescale, presentationTimeOffset, codecs.' },
  'periods-in-turn': { section: '5.4.1', says: 'Periods leave at the front and come at the end.' },
  'segment-constant': { section: '5.3.9.6', says: 'What a manifest says of a segment stays true: one number is one time and one length, but for those in the making when it was written.' },
  'segments-in-turn': { section: '5.3.9.6', says: 'Segments leave at the front and come at the end.' },
  'numbers-once': { section: 'ADR 0001', says: 'A URL stands for one segment in all periods.' },
  'held-update': { section: 'ADR 0009', says: 'The update that a manifest names comes when a later segment has begun.' },
  'static-end': { section: '5.4.1; DASH-IF IOP 4.6', says: 'Once over, the presentation is static, has a duration, and lists what it listed.' },
  // Media.
  'available': { section: '5.3.9.5.3', says: 'What is listed as available can be fetched.' },
  'not-too-early': { section: 'ADR 0009', says: 'What is further ahead than the segment after the newest one is 404.' },
  'segment-time': { section: '5.3.9.6', says: 'A segment\'s first presentation time is that of the timeline, and its samples last until the next one.' },
  'chunked': { section: 'DASH-IF IOP, low-latency live', says: 'A segment that is asked for while it grows comes in chunks as they are made.' },
  'same-bytes': { section: 'ADR 0001', says: 'A segment has the same bytes while it grows and afterwards.' },
  'prft': { section: '5.12; ISO/IEC 14496-12, 8.16.5', says: 'The first chunk of a segment tells when it was captured, and that is what the manifest says.' },
  'starts-with-sap': { section: '5.3.7.2', says: 'With startWithSAP every segment begins with a sync sample.' },
  'period-continuity': { section: '5.3.2.1', says: 'What a period shows ends before the next one begins, or a moment later.' },
  'events-inband': { section: '5.10.3.3; ADR 0011', says: 'The messages of the manifest are those of its segments: same id, type, time and text.' },
} as const satisfies Record<string, Rule>;

/** A rule's name. */
export type RuleName = keyof typeof rules;
