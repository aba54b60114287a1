// Prints test vectors from js-tiktoken itself, one a line: text as hex, then its counts under r50k, p50k, cl100k, o200k.
// Usage: node tools/token_vectors.mjs <js-tiktoken package file> <seed> <texts>
// js-tiktoken's patterns are kept but for what the published ones say otherwise: White_Space for JavaScript's \s (which has
// U+FEFF and lacks U+0085), and U+017F as a long s in contractions.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [archive, seedText, textsText] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'token-vectors-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
execFileSync('tar', ['-xzf', archive, '-C', folder]);
const shim = join(folder, 'package/node_modules/base64-js');
mkdirSync(shim, { recursive: true });
writeFileSync(join(shim, 'package.json'), '{"type":"module","main":"index.js"}');
writeFileSync(join(shim, 'index.js'), 'export default { toByteArray: (text) => new Uint8Array(Buffer.from(text, "base64")) };');
const { Tiktoken } = await import(join(folder, 'package/dist/lite.js'));

const names = ['r50k_base', 'p50k_base', 'cl100k_base', 'o200k_base'];
const official = (pattern, name) => {
  const spaces = pattern.replaceAll('\\s', '\\p{White_Space}').replaceAll('\\S', '\\P{White_Space}');
  return name.endsWith('50k_base') ? spaces : spaces.replaceAll("'s|", "'\u017f|'s|");
};
const coders = await Promise.all(names.map(async (name) => {
  const ranks = (await import(join(folder, `package/dist/ranks/${name}.js`))).default;
  return new Tiktoken({ ...ranks, pat_str: official(ranks.pat_str, name) });
}));

let state = BigInt(seedText) | 1n;
const random = () => {
  state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn;
  return Number(state >> 33n) / 2 ** 31;
};
const below = (bound) => Math.floor(random() * bound);
const pick = (list) => list[below(list.length)];
const repeat = (count, make) => Array.from({ length: count }, make).join('');

// Code points whose classes have not changed since Unicode 15, so that any node agrees with the program's table.
const stable = (code) => !(code >= 0xd800 && code <= 0xdfff) && (code < 0x10000 || (code >= 0x1f300 && code <= 0x1f64f) || (code >= 0x20000 && code <= 0x2a6df));
const assigned = (code) => /\P{Cn}/u.test(String.fromCodePoint(code));
const same = process.versions.unicode === '17.0';
const anyCode = () => {
  for (;;) {
    const code = pick([below(0x80), below(0x800), below(0x3000), below(0x10000), 0x1f300 + below(0x350), 0x20000 + below(0xa6d0), below(0x110000)]);
    if (code >= 0xd800 && code <= 0xdfff) continue;
    if (same || (stable(code) && assigned(code) && code < 0xa7c0)) return String.fromCodePoint(code);
  }
};
const words = 'the of and Token gateway HTTPServer fooBar don\'t I\'LL we\'ve it\'s they\'re Ünïcödé naïve ÉCOLE straße Москва привет 你好世界 模型 こんにちは カタカナ 한국어 שלום مرحبا ไทย हिन्दी ǅungla iPhone XMLHttpRequest snake_case 3.14 1234567 2024-11-22 0x1F ½ ⅷ ² #include std::vector<int> return; }; => != /* */ // https://example.com/a/b?c=d&e=f 😀 👩‍👩‍👧 🇫🇷 ☕️ e\u0301 \u0301 a\u0308B \'\u017f'.split(' ');
const gaps = [' ', ' ', ' ', ' ', '  ', '\n', '\n\n', '\t', '\r\n', '   \n  ', '', '', '    ', '\u00a0', '\u3000', '\u0085', '\ufeff', '/', "'"];
const kinds = [
  () => repeat(1 + below(25), () => pick(words) + pick(gaps)),
  () => repeat(1 + below(40), anyCode),
  () => repeat(1 + below(30), () => pick([' ', '\n', '\r', '\t', ' ', 'a', 'A', '1', '.', '/', "'", '\u0301', 'ʰ', '中', 'é', 'É'])),
  () => repeat(1 + below(30), () => pick(["'s", "'T", "'re", "'VE", "'m", "'lL", "'d", "'", 'x', 'X', ' ', '.', '\u0301'])),
  () => repeat(1 + below(12), () => String.fromCodePoint(0x4e00 + below(0x5200))) + pick(['', '。', '，a', '\n']),
  () => repeat(1 + below(60), () => String.fromCharCode(32 + below(95))),
  () => pick(['a', ' ', 'A', '=', '-', '0', '\n', '中', 'ab', ' \n']).repeat(1 + below(90)),
  () => Buffer.from(Uint8Array.from({ length: 1 + below(40) }, () => below(256))).toString('utf8'),
  () => JSON.stringify({ role: pick(['user', 'tool']), content: repeat(below(9), () => pick(words) + ' '), n: below(1e6), list: [random(), null] }, null, below(3)),
];
const lines = [];
for (let i = 0; i < Number(textsText); ++i) {
  const text = kinds[i % kinds.length]();
  if (text) lines.push([Buffer.from(text, 'utf8').toString('hex'), ...coders.map((coder) => coder.encode(text, [], []).length)].join(' '));
}
writeFileSync(1, lines.join('\n') + '\n');
