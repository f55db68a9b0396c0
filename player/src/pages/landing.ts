import { mount } from 'svelte';
import '../styles/base.css';
import { parseAddress, Routes } from '../address/address.ts';
import Landing from './Landing.svelte';
import { root } from './root.ts';

mount(Landing, { target: root(), props: { routes: new Routes(parseAddress(location.pathname, location.search).base) } });
