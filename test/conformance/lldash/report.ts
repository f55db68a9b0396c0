import { RuleReport } from '../report.ts';
import { rules, type RuleName } from './rules.ts';

/** What a check of these rules found. */
export class Report extends RuleReport<RuleName> {
  constructor() {
    super(rules);
  }
}
