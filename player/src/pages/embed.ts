import '../styles/base.css';
import { beginEarly } from './early.ts';

const early = beginEarly();
void import('./embed-page.ts').then(({ showEmbedPage }) => showEmbedPage(early));
