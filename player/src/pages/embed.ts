import '../styles/base.css';
import { beginEarly, documentReady } from './early.ts';

const start = beginEarly();
void Promise.all([import('./embed-page.ts'), documentReady()]).then(([{ showEmbedPage }]) => showEmbedPage(start));
