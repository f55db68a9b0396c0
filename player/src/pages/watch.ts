import '../styles/base.css';
import { beginEarly } from './early.ts';

// Small, so that it runs before the player's code has arrived: the playlist is asked for meanwhile.
const early = beginEarly();
void import('./watch-page.ts').then(({ showWatchPage }) => showWatchPage(early));
