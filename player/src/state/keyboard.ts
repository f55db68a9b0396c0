/** What keys can do. */
export interface KeyTarget {
  togglePlay(): void;
  toggleMute(): void;
  toggleFullScreen(): void;
  togglePictureInPicture(): void;
  toggleStatistics(): void;
  toggleHelp(): void;
  closePanel(): void;
  goLive(): void;
  changeVolume(steps: number): void;
  seek(steps: number): void;
  changeSpeed(steps: number): void;
}

/** One line of the help, and the keys it stands for. */
export type Shortcut = {
  /** `KeyboardEvent.key`, letters in lower case. */
  readonly keys: readonly string[];
  /** As the help shows them. */
  readonly shown: readonly string[];
  readonly what: string;
  /** On pages of which it means something; on all where it is missing. */
  readonly only?: 'live' | 'recording';
  readonly act: (target: KeyTarget) => void;
};

/** Every key, in the order of the help. */
export const shortcuts: readonly Shortcut[] = [
  { keys: [' ', 'k'], shown: ['Space', 'K'], what: 'Play or pause', act: (target) => target.togglePlay() },
  { keys: ['m'], shown: ['M'], what: 'Sound on or off', act: (target) => target.toggleMute() },
  { keys: ['arrowup'], shown: ['↑'], what: 'Louder', act: (target) => target.changeVolume(1) },
  { keys: ['arrowdown'], shown: ['↓'], what: 'Quieter', act: (target) => target.changeVolume(-1) },
  { keys: ['arrowleft', 'j'], shown: ['←', 'J'], what: 'Back 10 seconds', act: (target) => target.seek(-1) },
  { keys: ['arrowright'], shown: ['→'], what: 'Forward 10 seconds', act: (target) => target.seek(1) },
  { keys: ['l'], shown: ['L'], what: 'Go live', only: 'live', act: (target) => target.goLive() },
  { keys: ['<'], shown: ['<'], what: 'Slower', only: 'recording', act: (target) => target.changeSpeed(-1) },
  { keys: ['>'], shown: ['>'], what: 'Faster', only: 'recording', act: (target) => target.changeSpeed(1) },
  { keys: ['f'], shown: ['F'], what: 'Full screen', act: (target) => target.toggleFullScreen() },
  { keys: ['p'], shown: ['P'], what: 'Picture in picture', act: (target) => target.togglePictureInPicture() },
  { keys: ['i'], shown: ['I'], what: 'Statistics', act: (target) => target.toggleStatistics() },
  { keys: ['?', 'h'], shown: ['?'], what: 'This help', act: (target) => target.toggleHelp() },
  { keys: ['escape'], shown: ['Esc'], what: 'Close', act: (target) => target.closePanel() },
];

/** Carries a key out. True when it meant something; keys that the focused control understands itself are left to it. */
export function pressKey(event: KeyboardEvent, target: KeyTarget): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) {
    return false;
  }
  const key = event.key.toLowerCase();
  const focused = event.target instanceof HTMLElement ? event.target : undefined;
  if (focused !== undefined && understands(focused, key)) {
    return false;
  }
  const shortcut = shortcuts.find(({ keys }) => keys.includes(key));
  shortcut?.act(target);
  return shortcut !== undefined;
}

function understands(focused: HTMLElement, key: string): boolean {
  if (focused instanceof HTMLInputElement && focused.type === 'range') {
    return key.startsWith('arrow');
  }
  if (focused instanceof HTMLInputElement || focused instanceof HTMLTextAreaElement || focused instanceof HTMLSelectElement || focused.isContentEditable) {
    return true;
  }
  const isMenu = focused.closest('[role="menu"]') !== null;
  const isPressed = focused.closest('button, a, summary') !== null;
  return (isMenu && key.startsWith('arrow')) || (isPressed && (key === ' ' || key === 'enter'));
}
