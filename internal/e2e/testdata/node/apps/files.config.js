'use strict';
// Applications whose files and names say little of each other.
const dir = process.env.TRUTH_DIR;
const apps = [
  { name: 'shop out', out_file: `${dir}/files/one.txt`, error_file: `${dir}/files/two` },
  { name: 'api-error-2', combine_logs: true, log_file: `${dir}/files/all.txt` },
  { name: 'web', exec_mode: 'cluster', instances: 2 },
  { name: 'private', out_file: `${dir}/files/private.log`, error_file: `${dir}/files/private-err.log` },
];
module.exports = {
  apps: apps.map(app => ({ exec_mode: 'fork', script: 'says.js', env: { SAYS: app.name, MORE: `${dir}/more` }, ...app })),
};
