/**
 * The element that pages are mounted on.
 *
 * @throws Error - the page has none: it was built wrongly
 */
export function root(): HTMLElement {
  const element = document.getElementById('app');
  if (element === null) {
    throw new Error('The page has no #app.');
  }
  return element;
}
