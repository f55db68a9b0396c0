import { mount } from 'svelte';
import '../styles/base.css';
import { parseAddress, Routes } from '../address/address.ts';
import { root } from '../pages/root.ts';
import Studio from './Studio.svelte';

mount(Studio, { target: root(), props: { routes: new Routes(parseAddress(location.pathname, '').base) } });
