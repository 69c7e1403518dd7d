// `seawall/testing` as it ships.
export { 'testing: Sandbox' as Sandbox, 'testing: noWaiting' as noWaiting } from './index.js';
