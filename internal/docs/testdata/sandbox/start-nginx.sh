# nginx, started.
nginx
