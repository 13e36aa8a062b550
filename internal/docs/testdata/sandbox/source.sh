# The working directory is the source tree, with what an operator sent.
cd /run/src
git rev-parse HEAD >/dev/null 2>&1 || missing "clone of the repository"
if [ -e /root/agent.env ]; then cp -p /root/agent.env .; fi
