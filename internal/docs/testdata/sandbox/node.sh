# Node.js with the packages of internal/e2e/testdata/node, as npm install would install them.
command -v node >/dev/null || missing node
[ -d /run/src/internal/e2e/testdata/node/node_modules/pm2 ] || missing "internal/e2e/testdata/node/node_modules (run npm ci --ignore-scripts there)"
ln -s /run/src/internal/e2e/testdata/node/node_modules /root/node_modules
