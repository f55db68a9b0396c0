import { describeOption, type OptionDescription } from '#core/runtime/config/describe.ts';
import type { OptionGroup } from '#core/runtime/config/option.ts';

/** `docs/configuration.md`: every option as a table, by group. */
export function renderConfigurationPage(groups: readonly OptionGroup[]): string {
  const sections = groups.map(({ title, options }) => {
    const rows = Object.entries(options).map(([key, option]) => row(describeOption(key, option)));
    return `## ${title}\n\n| key | environment and flag | takes | default | what it does |\n| --- | --- | --- | --- | --- |\n${rows.join('\n')}`;
  });
  return `${intro}\n${sections.join('\n\n')}\n\n${outro}`;
}

/** `millrace.example.yaml`: every option with its default, commented out. */
export function renderExampleFile(groups: readonly OptionGroup[]): string {
  const sections = groups.map(({ title, options }) => {
    const entries = Object.entries(options).map(([key, option]) => exampleEntry(describeOption(key, option)));
    return `# ---- ${title} ${'-'.repeat(Math.max(0, 100 - title.length))}\n\n${entries.join('\n')}`;
  });
  return `${exampleIntro}\n${sections.join('\n')}`;
}

function row({ key, environment, flag, kind, default: preset, about, secret }: OptionDescription): string {
  const cells = [`\`${key}\``, `\`${environment}\` \`${flag}\``, kind, preset === undefined ? '' : `\`${preset}\``, secret ? `${about} Never logged.` : about];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function exampleEntry({ key, about, default: preset, example, kind }: OptionDescription): string {
  const comment = wrap(`${about.replaceAll('`', '')} (${kind})`).map((line) => `# ${line}`);
  const shown = preset === undefined || preset === '[]' ? (example ?? '') : preset;
  return `${comment.join('\n')}\n#${key}: ${shown}`.trimEnd() + '\n';
}

function wrap(text: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + word.length + 1 > 104) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

const intro = `# Configuration

Everything has a default: \`npm start\` needs no configuration. What differs is set in a file, in the environment or on the
command line:

1. a flag (\`--rtmp-port 1940\`) wins over
2. the environment (\`MILLRACE_RTMP_PORT=1940\`), which wins over
3. the file (\`rtmpPort: 1940\`), which wins over
4. the default.

The file is \`./millrace.yaml\` where it exists, or what \`--config FILE\` or \`MILLRACE_CONFIG\` names;
[millrace.example.yaml](../millrace.example.yaml) is one to start from. The configuration is checked as a whole, and a start that fails tells
every problem at once. An unknown key is a problem, so a misspelled one cannot go unseen. An empty variable counts as
absent. A switch takes \`on\` and \`off\` (also true/false, yes/no, 1/0), and as a flag stands alone: \`--demo\`, \`--no-demo\`. Lists and mappings
in the environment and in flags are written as YAML's flow form or JSON: \`MILLRACE_LADDER='[{height: 720, bitrate: 2.5M}]'\`.

With \`npm start\`, flags follow two dashes: \`npm start -- --rtmp-port 1940\`. \`npm start -- --help\` lists all options.

This page is written from the option tables by \`node infra/docs/write-configuration.ts\`.
`;

const outro = `## Files in the data folder

| file | what it is |
| --- | --- |
| \`api-token\` | token of the API, made at the first start, readable by the server's user alone |
| \`demo-key\` | stream key of the demo channel, made at the first start that has one, readable by the server's user alone |

Other files there keep what has been given out (broadcasts, group numbers), so that a restart continues above it. Removing
them while the server is stopped is safe once every viewer has gone.

## Ports

One TCP port for pages, API and media (8080; 8443 with a certificate), one for RTMP (1935; RTMPS 1936 with a certificate),
and one for WebRTC, over UDP and over TCP (8189).
IPv4 and IPv6.

## Behind a reverse proxy

Set \`MILLRACE_PUBLIC_URL\` to the address viewers use, its path included (\`https://example.com/tv\`), and \`MILLRACE_TRUST_PROXY=on\`, so that
viewers' own addresses are counted and limited instead of the proxy's. The proxy passes the path on unchanged, does not buffer
answers, and waits at least 20 s for the next byte. [infra/nginx/millrace.conf](../infra/nginx/millrace.conf) is a sample. RTMP does not pass through an
HTTP proxy, nor does WebRTC's media: broadcasters reach port 1935, and browsers port 8189, directly.

## Containers and services

- \`docker build -t millrace -f infra/docker/Dockerfile .\`, then \`docker compose -f infra/compose.single.yaml up\`. Data lives in the volume \`data\`.
- \`infra/systemd/millrace.service\` runs a checkout in \`/opt/millrace\` as user \`millrace\`, with data in \`/var/lib/millrace\` and settings in
  \`/etc/millrace/millrace.yaml\` and \`/etc/millrace/environment\`. With the socket units beside it no viewer is refused while it restarts:
  [operations](operations.md).

These files are checked for consistency with the option tables and by \`systemd-analyze verify\`; the image has not been built
by the tests, which run without a container engine.
`;

const exampleIntro = `# Millrace's configuration: copy to millrace.yaml and uncomment what should differ. What stands here is the default, or
# an example where there is none. Every key is also a variable (rtmpPort: MILLRACE_RTMP_PORT) and a flag (--rtmp-port); a flag wins over the
# environment, and that wins over this file. See docs/configuration.md.
`;
