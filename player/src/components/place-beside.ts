/** A player lower than this has no room for plots above its controls, ... */
const lowPlayer = 400;

/** ... and the page has, when this much is left below the player, or to the right of it. CSS pixels. */
const enoughBelow = 220;
const enoughBeside = 220;

/**
 * Places a panel of a low player below or beside it, over the page: as a popover in the top layer nothing clips it. Follows the player
 * when the page is scrolled or turned. An attachment of Svelte.
 */
export function placeBeside(panel: HTMLElement): () => void {
  const player = panel.parentElement;
  const place = (): void => {
    if (player === null || !('showPopover' in panel)) {
      return;
    }
    const { bottom, right, height } = player.getBoundingClientRect();
    const below = innerHeight - bottom >= enoughBelow;
    const beside = document.documentElement.clientWidth - right >= enoughBeside;
    const outside = height < lowPlayer && (below || beside) && document.fullscreenElement === null;
    panel.style.setProperty('--from-top', `${below ? Math.max(bottom, 0) : 0}px`);
    panel.style.setProperty('--from-left', `${below ? 0 : right}px`);
    if (outside !== (panel.popover === 'manual')) {
      panel.popover = outside ? 'manual' : null;
      if (outside) {
        panel.showPopover();
      }
    }
  };
  const ends = new AbortController();
  const { signal } = ends;
  addEventListener('resize', place, { signal });
  addEventListener('scroll', place, { signal, passive: true });
  document.addEventListener('fullscreenchange', place, { signal });
  const size = new ResizeObserver(place);
  if (player !== null) {
    size.observe(player);
  }
  place();
  return () => {
    ends.abort();
    size.disconnect();
  };
}
