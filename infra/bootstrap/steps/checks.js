/** What `npm test` checks beside the tests, as Node runs it: a file below node_modules with its arguments. */
export const checks = [
  { title: 'types of the servers (tsc)', script: '@typescript/native/bin/tsc', args: ['-p', '.'] },
  { title: 'types of the player (svelte-check)', script: 'svelte-check/bin/svelte-check', args: ['--tsgo', '--tsconfig', 'player/tsconfig.json', '--fail-on-warnings'] },
  { title: 'lint (eslint)', script: 'eslint/bin/eslint.js', args: ['.', '--max-warnings', '0'] },
  {
    title: 'who imports whom (dependency-cruiser)',
    script: 'dependency-cruiser/bin/dependency-cruiser.mjs',
    args: ['--config', '.dependency-cruiser.cjs', 'core', 'ingest', 'transcode', 'edge', 'control', 'infra', 'player/src', 'test'],
  },
];

const closing = /^(\d+) passed, (\d+) failed, (\d+) skipped$/;

/** The line that ends a run: `12 passed, 0 failed, 1 skipped`. */
export function closingLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

/** Passes a stream of text on, except for a closing line, whose numbers it keeps. */
export function holdBackClosingLine(write) {
  let line = '';
  let sum;
  const take = (complete, ending) => {
    const match = closing.exec(complete);
    if (match === null) {
      write(complete + ending);
    } else {
      sum = { passed: Number(match[1]), failed: Number(match[2]), skipped: Number(match[3]) };
    }
  };
  return {
    push(text) {
      const lines = (line + text).split('\n');
      line = lines.pop();
      lines.forEach((complete) => take(complete, '\n'));
    },
    /** The sum, or undefined where no closing line came. */
    end() {
      if (line !== '') {
        take(line, '');
        line = '';
      }
      return sum;
    },
  };
}
