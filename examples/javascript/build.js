// Makes app.wasm: app.js together with the JavaScript engine that runs it.

import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { componentize } from '@bytecodealliance/componentize-js';

// What the platform offers, as the newest release that this toolchain knows: within 0.2 they only add to each other.
const OFFERED = new URL('../../wit/deps/', import.meta.url);
const KNOWN = '0.2.10';

const wit = new URL('build/wit/', import.meta.url);
await rm(wit, { recursive: true, force: true });
await mkdir(new URL('deps/', wit), { recursive: true });
for (const name of await readdir(OFFERED)) {
  const [, offered] = name.match(/-(0\.2\.\d+)\.wit$/) ?? [];
  if (!offered) continue;
  const text = await readFile(new URL(name, OFFERED), 'utf8');
  await writeFile(new URL(`deps/${name}`, wit), text.replaceAll(offered, KNOWN));
}
await writeFile(new URL('world.wit', wit), `package example:function;\nworld function { include wasi:http/proxy@${KNOWN}; }\n`);

const { component } = await componentize({
  sourcePath: new URL('app.js', import.meta.url).pathname,
  witPath: wit.pathname,
  worldName: 'function',
});
await writeFile(new URL('app.wasm', import.meta.url), component);
