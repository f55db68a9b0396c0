/**
 * Who may import whom. The folders are described in README.md; the rules here are the whole truth of it.
 */
const stages = 'ingest|transcode|edge|control|player|stage';
const tests = '(^test/|/testing/|[.](test|suite)[.]ts$|[.]config[.][jt]s$)';

/** A third-party module whose types stop at one folder. */
function only(name, homes) {
  return {
    name: `${name.replace(/\W/g, '-')}-at-home`,
    comment: `${name} is imported in ${homes.join(', ')} only`,
    severity: 'error',
    from: { path: `^(core|infra|${stages})/`, pathNot: [tests, ...homes.map((home) => `^${home}/`)] },
    to: { path: `(^|/)node_modules/(@types/)?${name.replace(/[./]/g, '[$&]')}/` },
  };
}

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'resolvable', severity: 'error', comment: 'an import that leads nowhere', from: {}, to: { couldNotResolve: true } },
    {
      name: 'core-imports-no-stage',
      severity: 'error',
      from: { path: '^core/' },
      to: { path: `^(infra|test|${stages})/`, pathNot: tests },
    },
    {
      name: 'stages-stay-apart',
      comment: 'stages meet on the bus, never in an import',
      severity: 'error',
      from: { path: `^(${stages})/` },
      to: { path: `^(${stages}|infra)/`, pathNot: '^$1/' },
    },
    {
      name: 'product-imports-no-test',
      severity: 'error',
      from: { path: `^(core|infra|${stages})/`, pathNot: tests },
      to: { path: tests },
    },
    {
      name: 'product-needs-no-dev-dependency',
      severity: 'error',
      from: { path: `^(core|infra|${stages})/`, pathNot: tests },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'media-is-pure',
      comment: 'core/media runs in browsers and workers: no node: modules, no packages, nothing of core but itself and the error base',
      severity: 'error',
      from: { path: '^core/media/', pathNot: tests },
      to: { pathNot: '^core/(media/|runtime/errors[.]ts$)' },
    },
    {
      name: 'player-takes-browser-safe-core',
      severity: 'error',
      from: { path: '^player/src/', pathNot: tests },
      to: { path: '^core/', pathNot: '^core/(media/|access/|runtime/errors[.]ts$)' },
    },
    {
      name: 'player-has-no-node',
      severity: 'error',
      from: { path: '^player/src/', pathNot: tests },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'engines-without-svelte',
      severity: 'error',
      from: { path: '^player/src/engine/', pathNot: tests },
      to: { path: '([.]svelte([.]ts)?$|node_modules/svelte/)' },
    },
    {
      name: 'bootstrap-stands-alone',
      comment: 'it runs before anything is installed, on an old Node',
      severity: 'error',
      from: { path: '^infra/(bootstrap|bin)/', pathNot: tests },
      to: { pathNot: '^infra/(bootstrap|bin)/', dependencyTypesNot: ['core'] },
    },
    only('node-media-server', ['ingest/rtmp']),
    only('fluent-ffmpeg', ['transcode/ffmpeg']),
    only('express', ['edge', 'control']),
    only('hls.js', ['player/src/engine']),
    only('dashjs', ['player/src/engine']),
    only('werift', ['core/rtc']),
    only('koffi', ['core/rtc']),
    only('@nats-io', ['core/bus/nats']),
    only('pino', ['core/runtime']),
    only('js-yaml', ['core/runtime/config']),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(player/dist|coverage|data)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types', 'svelte', 'default'],
      extensions: ['.ts', '.svelte', '.js', '.cjs', '.json', '.d.ts'],
      mainFields: ['main', 'types'],
    },
  },
};
