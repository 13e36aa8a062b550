'use strict';
// What the test of PM2's own signals runs; MODE says how it behaves.
const fs = require('fs');
const forever = () => setInterval(() => {}, 1 << 30);
({
  steady: forever,
  exits: () => setTimeout(() => process.exit(3), 300),
  fat: () => { global.held = Buffer.alloc(150 << 20, 1); forever(); },
  past: () => { fs.writeSync(1, 'written past PM2\n'); forever(); },
})[process.env.MODE]();
