'use strict';
// What the end-to-end test runs: each way in which PM2 writes an application's output.
const json = { log_type: 'json' };
const apps = [
  { name: 'orders', script: 'orders-api.js', ...json, env: { N: 40 } },
  { name: 'billing', script: 'billing.js', ...json },
  { name: 'catalog', script: 'catalog.js', ...json },
  { name: 'legacy', script: 'legacy.js', ...json },
  { name: 'legacy-text', script: 'legacy.js' },
  { name: 'legacy-time', script: 'legacy.js', time: true },
  { name: 'burst', script: 'burst.js', ...json },
  { name: 'weird', script: 'weird.js', ...json },
  { name: 'duo', script: 'legacy.js', ...json, instances: 2, merge_logs: true },
  { name: 'crashy', script: 'crashy.js', ...json, restart_delay: 100 },
  { name: 'crashy-c', script: 'crashy.js', ...json, exec_mode: 'cluster', instances: 1, restart_delay: 100 },
  { name: 'burst-c', script: 'burst.js', ...json, exec_mode: 'cluster', instances: 1 },
  { name: 'web', script: 'web.js', ...json, exec_mode: 'cluster', instances: 2, merge_logs: true },
  { name: 'orders-all', script: 'orders-api.js', ...json, env: { N: 20 }, log_file: `${process.env.PM2_HOME}/logs/orders-all.log`, log_date_format: 'YYYY-MM-DD HH:mm:ss.SSS Z' },
];
module.exports = { apps: apps.map(app => ({ exec_mode: 'fork', ...app })) };
