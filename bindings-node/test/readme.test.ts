// The programs of the README run as they are printed.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('../..', import.meta.url));
const page = readFileSync(`${here}/README.md`, 'utf8');
const programs = [...page.matchAll(/^## (.+?)$|^```js\n([^]*?)^```$/gm)].reduce<{ title: string; text: string }[]>((all, [, title, text]) => {
  if (title !== undefined) all.push({ title, text: '' });
  else all[all.length - 1]!.text += text;
  return all;
}, []).filter(({ text }) => text !== '');

test('the README has programs', () => assert.equal(programs.length, page.split('```js').length - 1));

for (const { title, text } of programs) {
  test(`README: ${title}`, () => {
    // Inside its own folder the package is found by its name.
    const out = execFileSync(process.execPath, ['--input-type=module', '-e', text], { cwd: here, encoding: 'utf8', timeout: 20_000 });
    assert.equal(out.trim(), title === 'Quick start' ? 'ada closed' : '');
  });
}
