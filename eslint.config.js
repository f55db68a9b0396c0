import jsdoc from 'eslint-plugin-jsdoc';
import svelte from 'eslint-plugin-svelte';
import tseslint from 'typescript-eslint';

/** Rules of the house for every TypeScript source; imports between folders are dependency-cruiser's. */
const sources = ['**/*.ts', '**/*.svelte.ts', '**/*.svelte'];
const tests = ['**/*.test.ts', '**/*.suite.ts', 'test/**/*.ts', '**/testing/**/*.ts'];

export default tseslint.config(
  {
    ignores: ['node_modules/**', 'player/dist/**', '**/.svelte-kit/**', '**/.svelte-check/**', 'data/**', 'coverage/**', '**/vendor/**'],
  },
  { linterOptions: { reportUnusedDisableDirectives: 'error', noInlineConfig: true } },
  {
    files: sources,
    extends: [tseslint.configs.strict, tseslint.configs.stylistic],
    rules: {
      curly: ['error', 'all'],
      eqeqeq: 'error',
      'no-console': 'error',
      'no-constant-condition': ['error', { checkLoops: 'allExceptWhileTrue' }],
      'no-var': 'error',
      'prefer-const': 'error',
      'object-shorthand': 'error',
      'no-else-return': 'error',
      'no-param-reassign': 'error',
      'max-lines': ['error', { max: 400 }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'separate-type-imports', disallowTypeAnnotations: false }],
      // `type` for data, `interface` for contracts: the choice means something here.
      '@typescript-eslint/consistent-type-definitions': 'off',
      // Checked positions in byte readers; `noUncheckedIndexedAccess` already asks for a reason at each.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrorsIgnorePattern: '^_' }],
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/no-dynamic-delete': 'off',
      '@typescript-eslint/no-extraneous-class': 'off',
      '@typescript-eslint/unified-signatures': 'off',
      // Knows no `Promise.withResolvers<void>()`.
      '@typescript-eslint/no-invalid-void-type': 'off',
      '@typescript-eslint/class-literal-property-style': 'off',
    },
  },
  {
    // Promises that nobody waits for are the one fault that needs types to be seen.
    files: ['{core,ingest,transcode,edge,control,infra}/**/*.ts', 'test/**/*.ts'],
    ignores: ['test/**/page/**'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { attributes: false } }],
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    },
  },
  {
    files: sources,
    ignores: [...tests, '**/*.config.ts'],
    plugins: { jsdoc },
    rules: {
      'jsdoc/require-jsdoc': [
        'error',
        {
          publicOnly: { esm: true, cjs: false, window: false },
          require: { FunctionDeclaration: true, ClassDeclaration: true, ArrowFunctionExpression: false, MethodDefinition: false },
          contexts: [
            'ExportNamedDeclaration > TSTypeAliasDeclaration',
            'ExportNamedDeclaration > TSInterfaceDeclaration',
            'ExportNamedDeclaration > VariableDeclaration',
          ],
          enableFixer: false,
        },
      ],
      'jsdoc/no-types': 'error',
      'jsdoc/check-param-names': ['error', { disableMissingParamChecks: true, checkDestructured: false }],
      'jsdoc/check-tag-names': ['error', { definedTags: ['typeParam', 'remarks'] }],
    },
    settings: { jsdoc: { mode: 'typescript' } },
  },
  {
    files: ['player/**/*.svelte', 'player/**/*.svelte.ts'],
    extends: [svelte.configs.recommended],
    languageOptions: { parserOptions: { parser: tseslint.parser, extraFileExtensions: ['.svelte'] } },
    rules: {
      // Components read their props reactively; `let` with `$props()` is Svelte's own form.
      'prefer-const': 'off',
      'svelte/prefer-const': ['error', { excludedRunes: ['$props', '$derived', '$state'] }],
    },
  },
  {
    // A terminal is what these files write to.
    files: ['infra/**/*.ts', 'test/bench/**/*.ts', 'test/fuzz/**/*.ts', 'player/scripts/**/*.ts'],
    rules: { 'no-console': 'off' },
  },
  {
    files: ['infra/**/*.js', '*.js', '.dependency-cruiser.cjs', 'player/*.js'],
    rules: { curly: ['error', 'all'], eqeqeq: 'error', 'no-var': 'error', 'prefer-const': 'error', 'no-unused-vars': 'error', 'max-lines': ['error', { max: 400 }] },
  },
);
