import { existsSync } from 'node:fs';

import { installSystemPackages } from './system.js';
import { run, SetupError } from './terminal.js';

/** Oldest ffmpeg that the server takes; it checks again at each start. */
const WANTED_FFMPEG = '5.1';

/** Brings ffmpeg where it is missing. */
export async function provideFfmpeg(env = process.env) {
  const path = env.MILLRACE_FFMPEG_PATH || 'ffmpeg';
  if (await hasFfmpeg(path)) {
    return;
  }
  if (path !== 'ffmpeg') {
    throw new SetupError(`MILLRACE_FFMPEG_PATH names ${path}, which cannot be run or is older than ${WANTED_FFMPEG}.`);
  }
  await installSystemPackages('ffmpeg', ['ffmpeg', 'fonts-dejavu-core'], {
    brew: 'brew install ffmpeg',
    dnf: 'sudo dnf install -y ffmpeg-free',
    pacman: 'sudo pacman -S --noconfirm ffmpeg',
    zypper: 'sudo zypper install -y ffmpeg',
    apk: 'sudo apk add ffmpeg',
    winget: 'winget install Gyan.FFmpeg',
  });
  if (!(await hasFfmpeg(path))) {
    throw new SetupError(`The system's ffmpeg is older than ${WANTED_FFMPEG}. Install a newer one and name it by MILLRACE_FFMPEG_PATH.`);
  }
}

async function hasFfmpeg(path) {
  const { code, output } = await run(path, ['-hide_banner', '-version']);
  if (code !== 0) {
    return false;
  }
  return isNewEnough(output);
}

/** Tells it by what `ffmpeg -version` prints. Builds from a repository say `N-12345-g...`: new enough. */
export function isNewEnough(printed) {
  const numbers = /^ffmpeg version n?(\d+)\.(\d+)/m.exec(printed);
  if (numbers === null) {
    return true;
  }
  const [major, minor] = WANTED_FFMPEG.split('.').map(Number);
  return Number(numbers[1]) > major || (Number(numbers[1]) === major && Number(numbers[2]) >= minor);
}

/** Where the tests look for their browser. */
export const CHROMIUM = '/usr/bin/chromium';

/** Brings Chromium, with fonts, for tests in a real browser. */
export async function provideChromium() {
  if (existsSync(CHROMIUM)) {
    return;
  }
  await installSystemPackages('Chromium (for tests)', ['chromium', 'fonts-dejavu-core', 'fonts-liberation'], {
    brew: `brew install --cask chromium && sudo ln -s "$(brew --prefix)/bin/chromium" ${CHROMIUM}`,
    dnf: `sudo dnf install -y chromium && sudo ln -sf /usr/bin/chromium-browser ${CHROMIUM}`,
    pacman: 'sudo pacman -S --noconfirm chromium',
    zypper: 'sudo zypper install -y chromium',
    apk: 'sudo apk add chromium',
    winget: 'wsl --install -d Debian   (the tests run on Linux; use a Debian or Ubuntu under WSL)',
  });
  if (!existsSync(CHROMIUM)) {
    throw new SetupError(`Chromium is installed, but not at ${CHROMIUM}.`, `sudo ln -s "$(command -v chromium-browser)" ${CHROMIUM}`);
  }
}

/** Programs that tests of many machines run: the real NATS server, nginx as a cache, and promtool. */
const CLUSTER_PROGRAMS = [
  { package: 'nats-server', paths: ['/usr/sbin/nats-server', '/usr/bin/nats-server', '/usr/local/bin/nats-server', '/opt/homebrew/bin/nats-server'] },
  { package: 'nginx-light', paths: ['/usr/sbin/nginx', '/usr/bin/nginx', '/usr/local/bin/nginx', '/opt/homebrew/bin/nginx'] },
  // Brings promtool, which tests the rules of alerts.
  { package: 'prometheus', paths: ['/usr/bin/promtool', '/usr/local/bin/promtool', '/opt/homebrew/bin/promtool'] },
  { package: 'openssl', paths: ['/usr/bin/openssl', '/usr/local/bin/openssl', '/opt/homebrew/bin/openssl'] },
];

/** Brings NATS and nginx, for tests with many processes. */
export async function provideClusterPrograms() {
  const missing = CLUSTER_PROGRAMS.filter(({ paths }) => !paths.some((path) => existsSync(path))).map((program) => program.package);
  if (missing.length === 0) {
    return;
  }
  await installSystemPackages('What tests of many machines need', missing, {
    brew: 'brew install nats-server nginx prometheus openssl',
    dnf: 'sudo dnf install -y nginx openssl   (and nats-server, promtool from their makers)',
    pacman: 'sudo pacman -S --noconfirm nats-server nginx prometheus openssl',
    zypper: 'sudo zypper install -y nats-server nginx openssl',
    apk: 'sudo apk add nats-server nginx prometheus openssl',
    winget: 'wsl --install -d Debian   (the tests run on Linux; use a Debian or Ubuntu under WSL)',
  });
}
