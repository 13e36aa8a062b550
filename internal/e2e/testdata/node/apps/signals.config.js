'use strict';
const script = 'signals.js';
module.exports = {
  apps: [
    { name: 'steady', script, exec_mode: 'fork', env: { MODE: 'steady' } },
    { name: 'killed', script, exec_mode: 'fork', env: { MODE: 'steady' } },
    { name: 'exits', script, exec_mode: 'fork', env: { MODE: 'exits' }, autorestart: false },
    { name: 'loops', script, exec_mode: 'fork', env: { MODE: 'exits' }, max_restarts: 2, min_uptime: 60000 },
    { name: 'fat', script, exec_mode: 'fork', env: { MODE: 'fat' }, max_memory_restart: '100M' },
    { name: 'past', script, exec_mode: 'cluster', instances: 1, env: { MODE: 'past' } },
  ],
};
