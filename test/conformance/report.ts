import { rules, type RuleName } from './rules.ts';

/** A rule that was broken, and where. */
export type Finding = { readonly rule: RuleName; readonly where: string; readonly message: string };

/** How many findings of one rule are kept in words; all are counted. */
const KEPT = 5;

/** What a check found. Also counts how often each rule was tried: a rule that was never tried has proved nothing. */
export class Report {
  readonly #findings: Finding[] = [];
  readonly #tried = new Map<RuleName, number>();
  readonly #broken = new Map<RuleName, number>();

  /** Tries a rule once; `message` says what is there instead. */
  check(rule: RuleName, holds: boolean, where: string, message: () => string): void {
    this.#tried.set(rule, this.timesTried(rule) + 1);
    if (holds) {
      return;
    }
    const broken = (this.#broken.get(rule) ?? 0) + 1;
    this.#broken.set(rule, broken);
    if (broken <= KEPT) {
      this.#findings.push({ rule, where, message: message() });
    }
  }

  get findings(): readonly Finding[] {
    return this.#findings;
  }

  /** Names of the rules that were broken. */
  get brokenRules(): readonly RuleName[] {
    return [...this.#broken.keys()].sort();
  }

  timesTried(rule: RuleName): number {
    return this.#tried.get(rule) ?? 0;
  }

  /** The findings, a line each, with the rule's section and words. */
  toString(): string {
    const lines = this.#findings.map(({ rule, where, message }) => `${rule} (${rules[rule].section}): ${where}: ${message}\n    ${rules[rule].says}`);
    const more = [...this.#broken].filter(([, count]) => count > KEPT).map(([rule, count]) => `${rule}: ${count - KEPT} more`);
    return [...lines, ...more].join('\n');
  }
}
