# The source tree after make build, as the working directory.
cd /run/src
