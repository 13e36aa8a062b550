# Before the files are installed, which belong to the group of the service. Debian's package
# gives them to the group afterwards.
create_user
