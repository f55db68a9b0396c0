/** A rule that was broken, and where. */
export type Finding<Rule extends string> = { readonly rule: Rule; readonly where: string; readonly message: string };

/** How many findings of one rule are kept in words; all are counted. */
const KEPT = 5;

/** What a check found. Also counts how often each rule was tried: a rule that was never tried has proved nothing. */
export class RuleReport<Rule extends string> {
  readonly #rules: Readonly<Record<Rule, { readonly section: string; readonly says: string }>>;
  readonly #findings: Finding<Rule>[] = [];
  readonly #tried = new Map<Rule, number>();
  readonly #broken = new Map<Rule, number>();

  constructor(rules: Readonly<Record<Rule, { readonly section: string; readonly says: string }>>) {
    this.#rules = rules;
  }

  /** Tries a rule once; `message` says what is there instead. */
  check(rule: Rule, holds: boolean, where: string, message: () => string): void {
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

  get findings(): readonly Finding<Rule>[] {
    return this.#findings;
  }

  /** Names of the rules that were broken. */
  get brokenRules(): readonly Rule[] {
    return [...this.#broken.keys()].sort();
  }

  timesTried(rule: Rule): number {
    return this.#tried.get(rule) ?? 0;
  }

  /** The findings, a line each, with the rule's section and words. */
  toString(): string {
    const lines = this.#findings.map(({ rule, where, message }) => `${rule} (${this.#rules[rule].section}): ${where}: ${message}\n    ${this.#rules[rule].says}`);
    const more = [...this.#broken].filter(([, count]) => count > KEPT).map(([rule, count]) => `${rule}: ${count - KEPT} more`);
    return [...lines, ...more].join('\n');
  }
}
