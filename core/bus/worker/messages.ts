import type { BroadcastId, Frame } from '../../media/frame.ts';
import type { Millis } from '../../media/time.ts';
import type { TrackName } from '../../media/track.ts';
import type { ConsumeOptions, Losses } from '../bus.ts';
import type { BroadcastInfo, CatalogSections } from '../catalog.ts';
import type { NodeId, NodeInfo } from '../node.ts';

/** A section's name with its value. */
export type CatalogEntry = { readonly [S in keyof CatalogSections]: { readonly section: S; readonly value: CatalogSections[S] } }[keyof CatalogSections];

/** How a request ended. */
export type Outcome = { readonly answer: unknown } | { readonly code: string; readonly message: string };

/** What the worker asks of the thread that has the bus. `id` names what the worker opened, for all that follows. */
export type BusRequest =
  | { readonly do: 'announce'; readonly info: BroadcastInfo }
  | { readonly do: 'put-catalog'; readonly broadcast: BroadcastId; readonly entry: CatalogEntry }
  | { readonly do: 'watch-broadcasts'; readonly id: number }
  | { readonly do: 'watch-catalog'; readonly id: number; readonly broadcast: BroadcastId; readonly section: keyof CatalogSections }
  | { readonly do: 'consume'; readonly id: number; readonly broadcast: BroadcastId; readonly track: TrackName; readonly options: ConsumeOptions }
  /** So many further frames and bytes may come to a consumer. */
  | { readonly do: 'grant'; readonly id: number; readonly frames: number; readonly bytes: number }
  | { readonly do: 'produce'; readonly id: number; readonly broadcast: BroadcastId; readonly track: TrackName; readonly fence: number }
  | { readonly do: 'write'; readonly id: number; readonly frame: Frame }
  /** `ifFree`: answered by `lost` alone where somebody who lives holds it. */
  | { readonly do: 'lease'; readonly id: number; readonly resource: string; readonly ifFree: boolean }
  | { readonly do: 'present'; readonly info: NodeInfo }
  | { readonly do: 'watch-nodes'; readonly id: number }
  /** Shared values: each but `watch` is answered by `answered`. */
  | { readonly do: 'get-shared'; readonly id: number; readonly key: string }
  | { readonly do: 'put-shared'; readonly id: number; readonly key: string; readonly value: unknown; readonly fence: number | undefined }
  | { readonly do: 'delete-shared'; readonly id: number; readonly key: string; readonly fence: number | undefined }
  | { readonly do: 'watch-shared'; readonly id: number; readonly prefix: string }
  /** The worker answers what is asked under a subject; `answer` belongs to an `asked` of the same `call`. */
  | { readonly do: 'serve'; readonly id: number; readonly subject: string }
  | { readonly do: 'answer'; readonly id: number; readonly call: number; readonly outcome: Outcome }
  | { readonly do: 'request'; readonly id: number; readonly subject: string; readonly payload: unknown; readonly timeout: Millis | undefined }
  /** Lets go of whatever `id` names. */
  | { readonly do: 'drop'; readonly id: number }
  /** Is answered when all before it is done. */
  | { readonly do: 'settle'; readonly id: number };

/** What the thread that has the bus tells the worker. */
export type BusReport =
  | { readonly tell: 'broadcast'; readonly id: number; readonly info: BroadcastInfo }
  | { readonly tell: 'catalog'; readonly id: number; readonly entry: CatalogEntry }
  /** `isBehind`: more of the backlog follows. */
  | { readonly tell: 'frame'; readonly id: number; readonly frame: Frame; readonly losses: Losses; readonly isBehind: boolean }
  /** There is no backlog. */
  | { readonly tell: 'live'; readonly id: number }
  /** The consumer has ended. */
  | { readonly tell: 'end'; readonly id: number; readonly losses: Losses }
  /** So many frames of a producer were taken. */
  | { readonly tell: 'written'; readonly id: number; readonly frames: number; readonly bytes: number }
  /** A higher fence has written to the producer's track. */
  | { readonly tell: 'fenced'; readonly id: number; readonly details: Readonly<Record<string, unknown>> }
  | { readonly tell: 'leased'; readonly id: number; readonly fence: number }
  | { readonly tell: 'refused'; readonly id: number; readonly code: string; readonly message: string }
  | { readonly tell: 'lost'; readonly id: number }
  | { readonly tell: 'node'; readonly id: number; readonly node: NodeId; readonly info: NodeInfo | undefined }
  | { readonly tell: 'shared'; readonly id: number; readonly key: string; readonly value: unknown }
  | { readonly tell: 'asked'; readonly id: number; readonly call: number; readonly payload: unknown }
  | { readonly tell: 'answered'; readonly id: number; readonly outcome: Outcome }
  | { readonly tell: 'settled'; readonly id: number };
