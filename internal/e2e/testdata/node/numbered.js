'use strict';
// Writes numbered lines for ever, RATE a second, and after each handful records in
// TRUTH_DIR how many it has written: {"to": N}, numbers 0 to N-1.
const fs = require('fs');
const rate = Number(process.env.RATE || 400);
const name = process.env.name;
const id = process.env.pm_id;
const truth = `${process.env.TRUTH_DIR}/numbered-${name}-${id}.jsonl`;
let next = 0;
try {
  for (const l of fs.readFileSync(truth, 'utf8').split('\n')) if (l) next = JSON.parse(l).to;
} catch { /* the first start */ }
let due = 0;
let last = process.hrtime.bigint();
process.on('SIGINT', () => process.exit(0)); // between ticks, so that the truth is exact
setInterval(() => {
  const now = process.hrtime.bigint();
  due += Number(now - last) / 1e9 * rate;
  last = now;
  const n = Math.min(Math.floor(due), 200);
  due -= n;
  if (n <= 0) return;
  for (let i = 0; i < n; i++, next++) {
    console.log(`seq=${String(next).padStart(8, '0')} app=${name}-${id} ${'order payment cart login '.repeat(1 + next % 3)}`);
  }
  fs.appendFileSync(truth, JSON.stringify({ to: next }) + '\n');
}, 10);
