'use strict';
// Says who it is on both streams, and again whenever a file "more" is there.
const fs = require('fs');
const more = process.env.MORE;
let said = 0;
const say = () => {
  const id = `${process.env.SAYS} ${process.env.NODE_APP_INSTANCE || 0} ${said++}`;
  console.log(`${id} out`);
  console.error(`${id} err`);
};
say();
setInterval(() => {
  if (fs.existsSync(`${more}/${said}`)) say();
}, 100);
