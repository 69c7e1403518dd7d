// What ships: all of the package in one file, as each one more takes its time to load.
export * from '../index.js';
export { Sandbox as 'testing: Sandbox', noWaiting as 'testing: noWaiting' } from '../testing.js';
