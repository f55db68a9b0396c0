import { isRecord, number } from '../api/answer.ts';

/** What `GET /api/v1/edges` answers, as far as the player needs it. */
export type EdgeList = {
  /** Base URLs as they were told, the best first. */
  readonly urls: readonly unknown[];
  /** How long it is worth something, milliseconds. */
  readonly ttl: number;
};

const shortestTtl = 2_000;
const usualTtl = 10_000;
const longestTtl = 300_000;

/** Reads an answer; an empty list for what is none. */
export function readEdgeList(value: unknown): EdgeList {
  const edges = isRecord(value) && Array.isArray(value['edges']) ? value['edges'] : [];
  const seconds = isRecord(value) ? number(value['ttl']) : undefined;
  const ttl = seconds === undefined ? usualTtl : Math.min(Math.max(seconds * 1_000, shortestTtl), longestTtl);
  return { urls: edges.map((edge: unknown) => (isRecord(edge) ? edge['url'] : undefined)), ttl };
}
