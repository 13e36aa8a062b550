# A real PM2 of the user app, with one application.
command -v node >/dev/null || missing node
[ -d /run/src/internal/e2e/testdata/node/node_modules/pm2 ] || missing "internal/e2e/testdata/node/node_modules (run npm ci --ignore-scripts there)"
useradd --create-home --shell /bin/bash app
chmod 700 /home/app
cat > /home/app/shop.js <<'END'
let n = 0;
setInterval(() => console.log(JSON.stringify({ level: 'warn', time: Date.now(), msg: `order ${++n} delayed` })), 500);
END
chown app: /home/app/shop.js
cd /home/app
runuser -u app -- env PM2_HOME=/home/app/.pm2 HOME=/home/app node /run/src/internal/e2e/testdata/node/node_modules/.bin/pm2 start /home/app/shop.js >/tmp/pm2.log 2>&1 || { cat /tmp/pm2.log; false; }
cd /root
ln -s /run/src/internal/e2e/testdata/node/node_modules/.bin/pm2 /usr/local/bin/pm2
