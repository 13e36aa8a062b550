'use strict';
// One application for each logger of LOGGERS, half of them with PM2's log_type json.
const dir = process.env.TRUTH_DIR;
module.exports = {
  apps: process.env.LOGGERS.split(',').map((name, i) => ({
    name,
    script: 'loggers.mjs',
    args: ['--child', name, `${dir}/${name}.json`],
    exec_mode: 'fork',
    autorestart: false,
    ...(i % 2 ? { log_type: 'json' } : {}),
    env: { FORCE_COLOR: /colou?r/.test(name) ? '1' : '0', NODE_ENV: 'production' },
  })),
};
