import '../styles/base.css';
import { beginEarly, documentReady } from './early.ts';

// Small, so that it runs before the player's code has arrived: the playlist is asked for meanwhile.
const start = beginEarly();
void Promise.all([import('./watch-page.ts'), documentReady()]).then(([{ showWatchPage }]) => showWatchPage(start));
