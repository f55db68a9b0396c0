import { mount } from 'svelte';
import '../styles/base.css';
import { parseAddress, Routes } from '../address/address.ts';
import Recording from './Recording.svelte';
import { root } from './root.ts';

const { base, stream: id, engine: engineChoice } = parseAddress(location.pathname, location.search);
/** `?t=90` begins after a minute and a half. */
const begin = Number(new URLSearchParams(location.search).get('t'));
mount(Recording, { target: root(), props: { id, engineChoice, begin: begin > 0 && Number.isFinite(begin) ? begin : 0, routes: new Routes(base) } });
