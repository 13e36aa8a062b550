# The list of applications of that PM2.
su - app -c "pm2 save" >/dev/null
