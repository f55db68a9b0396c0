import '../styles/base.css';
import { beginEarly, documentReady } from './early.ts';

const early = beginEarly();
void Promise.all([import('./embed-page.ts'), documentReady()]).then(([{ showEmbedPage }]) => showEmbedPage(early));
